package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/urfave/cli/v3"

	"cafe/model"
)

// undoResult is the answer of DELETE /imports/{id}.
type undoResult struct {
	Removed   int64
	Kept      []struct{ ID, Why string }
	KeptCount int64   `json:"kept_count"`
	Finished  *string `json:"finished_at"`
}

// undoImport takes an import back, and prints what stays.
func undoImport(ctx context.Context, c *cli.Command) error {
	if err := noArguments(c); err != nil {
		return err
	}
	cl, err := newClient(c, model.RoleOwner)
	if err != nil {
		return err
	}
	id, p := c.String("undo"), newProgress(c.Root().ErrWriter)
	var r importResult
	answer, err := cl.call(ctx, "GET", "/imports/"+url.PathEscape(id), "", nil)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer, &r); err != nil {
		return fmt.Errorf("the café's answer cannot be read: %w", err)
	}
	undo, err := takeBack(ctx, cl, id, func(removed int64) { p.at("undoing", "orders", removed, r.Created) })
	p.end()
	if err != nil {
		return err
	}
	thing := thingOf(r.Kind)
	w := c.Root().Writer
	fmt.Fprintf(w, "%s (import %s): %s %s taken back\n", r.Name, id, grouped(undo.Removed), plural(undo.Removed, thing))
	if undo.KeptCount == 0 {
		return nil
	}
	fmt.Fprintf(w, "\n%s %s:\n", grouped(undo.KeptCount), map[bool]string{true: "stays", false: "stay"}[undo.KeptCount == 1])
	for _, k := range undo.Kept {
		fmt.Fprintf(w, "  %-26s  %s\n", k.ID, k.Why)
	}
	if n := undo.KeptCount - int64(len(undo.Kept)); n > 0 {
		fmt.Fprintf(w, "  … and %s more\n", grouped(n))
	}
	return exitStatus(1)
}

// takeBack asks for an import to be taken back until it is.
func takeBack(ctx context.Context, cl client, id string, tell func(removed int64)) (r undoResult, err error) {
	for heard := time.Now(); ; {
		answer, err := cl.call(ctx, "DELETE", "/imports/"+url.PathEscape(id), "", nil)
		var no *refused
		pause := 100 * time.Millisecond
		switch {
		case err == nil:
			heard, r = time.Now(), undoResult{}
			if err := json.Unmarshal(answer, &r); err != nil {
				return r, fmt.Errorf("the café's answer cannot be read: %w", err)
			}
			if tell(r.Removed); r.Finished != nil {
				return r, nil
			}
		case ctx.Err() != nil:
			return r, errors.New("interrupted: the same command goes on with it")
		case errors.As(err, &no) && no.status != http.StatusTooManyRequests && no.status < 500, time.Since(heard) > trust:
			return r, err
		default:
			pause = time.Second
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// listImports prints the newest imports.
func listImports(ctx context.Context, c *cli.Command) error {
	if err := noArguments(c); err != nil {
		return err
	}
	cl, err := newClient(c, model.RoleStaff)
	if err != nil {
		return err
	}
	answer, err := cl.call(ctx, "GET", "/imports?limit=25", "", nil)
	if err != nil {
		return err
	}
	var page struct {
		Imports []importResult
		Next    string `json:"next_cursor"`
	}
	if err := json.Unmarshal(answer, &page); err != nil {
		return fmt.Errorf("the café's answer cannot be read: %w", err)
	}
	w := c.Root().Writer
	for _, r := range page.Imports {
		fmt.Fprintf(w, "%s  %.16s  %-7s  %s %s created", r.ID, r.CreatedAt, r.Status, grouped(r.Created), plural(r.Created, thingOf(r.Kind)))
		switch {
		case r.DryRun:
			fmt.Fprint(w, " (dry run)")
		case r.Undo != nil && r.Undo.Finished == nil:
			fmt.Fprintf(w, ", %s taken back so far", grouped(r.Undo.Removed))
		case r.Undo != nil:
			fmt.Fprintf(w, ", %s taken back", grouped(r.Undo.Removed))
		}
		fmt.Fprintf(w, "  %s, source %s\n", r.Name, r.Source)
	}
	switch {
	case len(page.Imports) == 0:
		fmt.Fprintln(w, "no imports in the last 30 days")
	case page.Next != "":
		fmt.Fprintln(w, "… and older ones")
	}
	return nil
}

// thingOf is what an import of that kind counts.
func thingOf(kind string) string {
	return cmp.Or(map[string]string{"stock": "count", "menu": "item"}[kind], "order")
}
