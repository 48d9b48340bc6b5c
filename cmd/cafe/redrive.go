package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"

	"github.com/urfave/cli/v3"

	"cafe/model"
)

func redriveCommand() *cli.Command {
	return &cli.Command{
		Name:      "redrive",
		Usage:     "show what failed for good, and send it again",
		ArgsUsage: "[ID...]",
		Description: "Without ids, all dead letters are sent again. Sending again is never wrong: what was done before is not done twice.\n" +
			"With -queue or -bucket: the dead letters that AWS keeps for a stack. Region and credentials are those of the AWS SDK\n" +
			"(AWS_REGION, AWS_PROFILE and so on). A letter is removed only after it was sent.",
		Flags: append(clientFlags(),
			&cli.BoolFlag{Name: "list", Usage: "only show them"},
			&cli.BoolFlag{Name: "set-aside", Usage: "with -list: show those that were set aside"},
			&cli.StringFlag{Name: "queue", Usage: "URL, name or ARN of a dead-letter queue on AWS"},
			&cli.StringFlag{Name: "bucket", Usage: "name of the stack's bucket on AWS"},
			&cli.StringFlag{Name: "to", Usage: "with -queue: queue, or ARN of a function, for messages that do not say where they came from"},
			&cli.BoolFlag{Name: "json", Usage: "print JSON"},
		),
		Action: func(ctx context.Context, c *cli.Command) error {
			if c.IsSet("queue") || c.IsSet("bucket") || c.IsSet("to") {
				return redriveStack(ctx, c)
			}
			client, err := newClient(c, model.RoleOwner)
			if err != nil {
				return err
			}
			letters, err := client.deadLetters(ctx, c.Bool("set-aside"))
			if err != nil {
				return err
			}
			if c.Bool("list") {
				return printLetters(c, letters)
			}
			ids := c.Args().Slice()
			if len(ids) == 0 {
				for _, l := range letters {
					ids = append(ids, l.ID)
				}
			}
			for i, id := range ids {
				if _, err := client.call(ctx, "POST", "/dead-letters/"+url.PathEscape(id)+"/redrive", "", nil); err != nil {
					return fmt.Errorf("%s: %w (%d were sent before it)", id, err, i)
				}
			}
			return sentAgain(c, len(ids))
		},
	}
}

// letter is a dead letter as it is printed.
type letter struct {
	ID       string `json:"id"`
	Kind     string `json:"kind"`
	Consumer string `json:"consumer,omitempty"`
	About    string `json:"about"`
	Reason   string `json:"reason"`
	Status   string `json:"status"`
	At       string `json:"at"`
}

// deadLetters returns all that the café lists.
func (c client) deadLetters(ctx context.Context, aside bool) (all []letter, err error) {
	for cursor := ""; ; {
		path := fmt.Sprintf("/dead-letters?limit=100&set_aside=%v", aside)
		if cursor != "" {
			path += "&cursor=" + url.QueryEscape(cursor)
		}
		body, err := c.call(ctx, "GET", path, "", nil)
		if err != nil {
			return nil, err
		}
		var page struct {
			DeadLetters []letter `json:"dead_letters"`
			NextCursor  string   `json:"next_cursor"`
		}
		if err := json.Unmarshal(body, &page); err != nil {
			return nil, fmt.Errorf("the café's answer cannot be read: %w", err)
		}
		all = append(all, page.DeadLetters...)
		if cursor = page.NextCursor; cursor == "" {
			return all, nil
		}
	}
}

func printLetters(c *cli.Command, letters []letter) error {
	w := c.Root().Writer
	if c.Bool("json") {
		return json.NewEncoder(w).Encode(struct {
			DeadLetters []letter `json:"dead_letters"`
		}{append([]letter{}, letters...)})
	}
	for _, l := range letters {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n\t%s\n", l.ID, l.At, l.Status, l.About, l.Reason)
	}
	fmt.Fprintf(w, "%d dead letters\n", len(letters))
	return nil
}

func sentAgain(c *cli.Command, n int) error {
	if c.Bool("json") {
		return json.NewEncoder(c.Root().Writer).Encode(map[string]int{"sent_again": n})
	}
	fmt.Fprintf(c.Root().Writer, "%d sent again; “cafe redrive -list” says in a moment whether any failed again\n", n)
	return nil
}
