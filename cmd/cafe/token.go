package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/urfave/cli/v3"

	"cafe/internal/auth"
	"cafe/model"
)

// subjects are whose token it is unless one says.
var subjects = map[model.Role]string{model.RoleCustomer: "alice", model.RoleStaff: "sam", model.RoleOwner: "olivia"}

func tokenCommand() *cli.Command {
	return &cli.Command{
		Name:  "token",
		Usage: "print a token for the local café",
		Flags: []cli.Flag{
			dataFlag(),
			&cli.StringFlag{Name: "role", Usage: "customer, staff or owner", Required: true},
			&cli.StringFlag{Name: "sub", Usage: "customer id, or the staff member (default: alice, sam or olivia)"},
			&cli.DurationFlag{Name: "ttl", Value: 24 * time.Hour, Usage: "for how long it is good"},
		},
		Action: func(_ context.Context, c *cli.Command) error {
			if err := noArguments(c); err != nil {
				return err
			}
			role := model.Role(c.String("role"))
			if !role.Valid() {
				return wrongUsage("-role %q is not customer, staff or owner", role)
			}
			subject := c.String("sub")
			if subject == "" {
				subject = subjects[role]
			}
			if _, err := os.Stat(c.String("data")); errors.Is(err, os.ErrNotExist) {
				fmt.Fprintf(os.Stderr, "cafe: there was no café in %s yet; its secret is made now\n", c.String("data"))
			}
			issuer, err := auth.OpenIssuer(c.String("data"))
			if err != nil {
				return err
			}
			token, err := issuer.Issue(role, subject, c.Duration("ttl"))
			if err != nil {
				return err
			}
			fmt.Fprintln(c.Root().Writer, token)
			return nil
		},
	}
}
