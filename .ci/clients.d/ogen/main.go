// Command client places, reads, amends and cancels an order with the client that ogen makes.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"client/api"
)

type token string

func (t token) Bearer(context.Context, api.OperationName) (api.Bearer, error) {
	return api.Bearer{Token: string(t)}, nil
}

// answered is an answer with an order. The names of its types depend on the other operations.
type answered interface {
	GetETag() string
	GetResponse() api.Order
}

func main() {
	ctx := context.Background()
	client, err := api.NewClient(os.Getenv("CAFE"), token(os.Getenv("TOKEN")))
	if err != nil {
		log.Fatal(err)
	}
	placed, err := client.PlaceOrder(ctx, &api.OrderInput{
		Lines: []api.LineInput{{Sku: "latte", Quantity: 1, Options: []api.ID{"oat"}}},
		Note:  api.NewOptNote("from ogen"),
	}, api.PlaceOrderParams{IdempotencyKey: api.NewOptString("ogen")})
	if err != nil {
		log.Fatal(err)
	}
	created, ok := placed.(answered)
	if !ok {
		log.Fatalf("placed: %#v", placed)
	}
	id := created.GetResponse().ID
	answer, err := client.GetOrder(ctx, api.GetOrderParams{ID: id})
	if err != nil {
		log.Fatal(err)
	}
	got, ok := answer.(answered)
	if !ok || got.GetResponse().Total != created.GetResponse().Total {
		log.Fatalf("read: %#v", answer)
	}
	patch := func() *api.OrderPatch {
		return &api.OrderPatch{Note: api.NewOptNilString("amended")}
	}
	amended, err := client.AmendOrder(ctx, patch(), api.AmendOrderParams{ID: id, IfMatch: got.GetETag()})
	if err != nil {
		log.Fatal(err)
	}
	if o, ok := amended.(answered); !ok || o.GetResponse().Note != "amended" || o.GetResponse().Version != 2 {
		log.Fatalf("amended: %#v", amended)
	}
	stale, err := client.AmendOrder(ctx, patch(), api.AmendOrderParams{ID: id, IfMatch: got.GetETag()})
	if err != nil {
		log.Fatal(err)
	}
	if p, ok := stale.(*api.PreconditionFailedHeaders); !ok || p.Response.Status != 412 {
		log.Fatalf("amended with an old tag: %#v", stale)
	}
	cancelled, err := client.PutOrderStatus(ctx, &api.StatusInput{Status: api.StatusCancelled}, api.PutOrderStatusParams{ID: id})
	if err != nil {
		log.Fatal(err)
	}
	if o, ok := cancelled.(answered); !ok || o.GetResponse().Status != api.StatusCancelled {
		log.Fatalf("cancelled: %#v", cancelled)
	}
	fmt.Println("placed, read, amended and cancelled", id)
}
