package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"github.com/urfave/cli/v3"

	"cafe/model"
)

func reconcileCommand() *cli.Command {
	return &cli.Command{
		Name:  "reconcile",
		Usage: "recompute every total from the orders and payments themselves, and print the drift",
		Flags: append(clientFlags(),
			&cli.BoolFlag{Name: "dry-run", Usage: "repair nothing"},
		),
		Action: func(ctx context.Context, c *cli.Command) error {
			if err := noArguments(c); err != nil {
				return err
			}
			client, err := newClient(c, model.RoleOwner)
			if err != nil {
				return err
			}
			path := "/reconcile"
			if c.Bool("dry-run") {
				path += "?dry_run=true"
			}
			body, err := client.call(ctx, "POST", path, "", nil)
			if err != nil {
				return err
			}
			var r struct {
				Customers int `json:"customers"`
				Drifted   []struct {
					CustomerID string `json:"customer_id"`
					Field      string `json:"field"`
					Stored     int64  `json:"stored"`
					Actual     int64  `json:"actual"`
				} `json:"drifted"`
				Repaired   int `json:"repaired"`
				Unreadable int `json:"unreadable"`
				Closes     []struct {
					Day    string `json:"day"`
					What   string `json:"what"`
					Stored int64  `json:"stored"`
					Actual int64  `json:"actual"`
				} `json:"closes"`
			}
			if err := json.Unmarshal(body, &r); err != nil {
				return fmt.Errorf("the café's answer cannot be read: %w", err)
			}
			w := c.Root().Writer
			for _, d := range r.Drifted {
				fmt.Fprintf(w, "%s\t%s\tstored %d\tactual %d\n", d.CustomerID, d.Field, d.Stored, d.Actual)
			}
			fmt.Fprintf(w, "%d customers, %d drifted totals, %d repaired\n", r.Customers, len(r.Drifted), r.Repaired)
			for _, f := range r.Closes {
				fmt.Fprintf(w, "close of %s\t%s\tstored %d\tactual %d\n", cmp.Or(f.Day, "all days"), f.What, f.Stored, f.Actual)
			}
			if n := len(r.Closes); n > 0 {
				return fmt.Errorf("faults in the closes: %d; a close is never repaired", n)
			}
			if r.Unreadable > 0 {
				return fmt.Errorf("stored items that cannot be read: %d; the café's log names them, and totals that depend on them are left as they are", r.Unreadable)
			}
			return nil
		},
	}
}
