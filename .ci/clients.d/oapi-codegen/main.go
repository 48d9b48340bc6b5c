// Command client places, reads, amends and cancels an order with the client that oapi-codegen
// makes.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"

	"client/api"
)

func main() {
	ctx := context.Background()
	client, err := api.NewClientWithResponses(os.Getenv("CAFE"), api.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+os.Getenv("TOKEN"))
		return nil
	}))
	if err != nil {
		log.Fatal(err)
	}
	key, note := "oapi-codegen", "from oapi-codegen"
	placed, err := client.PlaceOrderWithResponse(ctx, &api.PlaceOrderParams{IdempotencyKey: &key}, api.OrderInput{
		Lines: []api.LineInput{{Sku: "latte", Quantity: 1, Options: &[]string{"oat"}}},
		Note:  &note,
	})
	if err != nil || placed.JSON201 == nil {
		log.Fatalf("placed: %v: %s", err, placed.Body)
	}
	id := placed.JSON201.Id
	got, err := client.GetOrderWithResponse(ctx, id, nil)
	if err != nil || got.JSON200 == nil || got.JSON200.Total != placed.JSON201.Total {
		log.Fatalf("read: %v: %s", err, got.Body)
	}
	amend := func() *api.AmendOrderResponse {
		note := "amended"
		answer, err := client.AmendOrderWithApplicationMergePatchPlusJSONBodyWithResponse(ctx, id,
			&api.AmendOrderParams{IfMatch: got.HTTPResponse.Header.Get("ETag")}, api.OrderPatch{Note: &note})
		if err != nil {
			log.Fatal(err)
		}
		return answer
	}
	if a := amend(); a.JSON200 == nil || a.JSON200.Note != "amended" || a.JSON200.Version != 2 {
		log.Fatalf("amended: %s", a.Body)
	}
	if a := amend(); a.ApplicationproblemJSON412 == nil || a.ApplicationproblemJSON412.Status != 412 {
		log.Fatalf("amended with an old tag: %s", a.Body)
	}
	cancelled, err := client.PutOrderStatusWithResponse(ctx, id, nil, api.StatusInput{Status: api.StatusCancelled})
	if err != nil || cancelled.JSON200 == nil || cancelled.JSON200.Status != api.StatusCancelled {
		log.Fatalf("cancelled: %v: %s", err, cancelled.Body)
	}
	fmt.Println("placed, read, amended and cancelled", id)
}
