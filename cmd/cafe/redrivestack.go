package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"

	"cafe/internal/redrive"
)

// redriveStack lists or sends what AWS keeps in a queue or a bucket.
func redriveStack(ctx context.Context, c *cli.Command) error {
	switch {
	case c.String("queue") != "" && c.String("bucket") != "":
		return wrongUsage("name either -queue or -bucket")
	case c.String("queue") == "" && c.String("bucket") == "":
		return wrongUsage("name a -queue or a -bucket")
	case c.IsSet("to") && c.String("queue") == "":
		return wrongUsage("-to goes with -queue")
	case c.Bool("set-aside"):
		return wrongUsage("-set-aside is for the café's own dead letters, without -queue and -bucket")
	}
	stack, err := redrive.Connect(ctx)
	if err != nil {
		return err
	}
	var source redrive.Source
	if name := c.String("bucket"); name != "" {
		source = stack.Bucket(name)
	} else if source, err = stack.Queue(ctx, c.String("queue"), c.String("to")); err != nil {
		return err
	}
	if c.Bool("list") {
		letters, err := redrive.List(ctx, source)
		if err != nil {
			return err
		}
		return printStackLetters(c, letters)
	}
	sent, err := redrive.Send(ctx, source, c.Args().Slice())
	w := c.Root().Writer
	if c.Bool("json") {
		return errors.Join(json.NewEncoder(w).Encode(map[string]int{"sent_again": sent}), err)
	}
	fmt.Fprintf(w, "%d sent again\n", sent)
	return err
}

func printStackLetters(c *cli.Command, letters []redrive.Letter) error {
	w := c.Root().Writer
	if c.Bool("json") {
		return json.NewEncoder(w).Encode(struct {
			DeadLetters []redrive.Letter `json:"dead_letters"`
		}{append([]redrive.Letter{}, letters...)})
	}
	for _, l := range letters {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n\t%s\n\t%s\n", l.ID, l.At, l.Kind, l.To, l.Reason, strings.ReplaceAll(excerpt(l.Holds), "\n", " "))
	}
	fmt.Fprintf(w, "%d dead letters\n", len(letters))
	return nil
}

// excerpt returns the beginning of a text. All of it is in JSON.
func excerpt(text string) string {
	const most = 300
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}
