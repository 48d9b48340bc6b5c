package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"cafe/internal/settings"
	"cafe/internal/settings/calendar"
	"cafe/model"
	"cafe/model/books"
)

func closeCommand() *cli.Command {
	flags := append(clientFlags(),
		&cli.StringFlag{Name: "day", Value: "today", Usage: "business day: 2017-03-18, today or yesterday, by CAFE_TIME_ZONE and CAFE_DAY_CUTOFF"},
		&cli.StringFlag{Name: "float", Usage: "what was in the drawer when the day began, such as 100.00"},
		&cli.BoolFlag{Name: "early", Usage: "close a day that is not over by the clock"},
		&cli.StringFlag{Name: "format", Value: "text", Usage: "text or json"},
	)
	for _, m := range model.Methods {
		flags = append(flags, &cli.StringFlag{Name: string(m), Usage: "how much " + string(m) + " was counted, such as 432.10"})
	}
	return &cli.Command{
		Name:  "close",
		Usage: "close a business day, and print its record",
		Flags: flags,
		Action: func(ctx context.Context, c *cli.Command) error {
			if err := noArguments(c); err != nil {
				return err
			}
			if f := c.String("format"); f != "text" && f != "json" {
				return wrongUsage("-format %q is not text or json", f)
			}
			day, err := dayNamed(c.String("day"), time.Now())
			if err != nil {
				return err
			}
			s, err := settings.FromEnv(os.Getenv, calendar.Read)
			if err != nil {
				return err
			}
			body := map[string]any{"early": c.Bool("early")}
			counted := map[string]model.Money{}
			for _, name := range []string{"float", "cash", "card", "voucher", "other"} {
				if !c.IsSet(name) {
					continue
				}
				amount, err := moneyOf(c.String(name), s.Currency)
				if err != nil {
					return wrongUsage("-%s: %w", name, err)
				}
				if name == "float" {
					body[name] = amount
				} else {
					counted[name] = amount
				}
			}
			if len(counted) > 0 {
				body["counted"] = counted
			}
			client, err := newClient(c, model.RoleOwner)
			if err != nil {
				return err
			}
			answer, err := client.call(ctx, "POST", "/days/"+string(day)+"/close", "", body)
			if err != nil {
				return err
			}
			w := c.Root().Writer
			if c.String("format") == "json" {
				_, err := fmt.Fprintln(w, string(answer))
				return err
			}
			var closed books.Close
			if err := json.Unmarshal(answer, &closed); err != nil {
				return fmt.Errorf("the café's answer cannot be read: %w", err)
			}
			return printClose(w, closed)
		},
	}
}

// moneyOf reads an amount in the major unit, "432.10", with no more decimals than the
// currency has.
func moneyOf(text, currency string) (model.Money, error) {
	exponent, err := model.Exponent(currency)
	if err != nil {
		return 0, err
	}
	whole, decimals, _ := strings.Cut(text, ".")
	if len(decimals) > exponent {
		return 0, fmt.Errorf("%q has more decimals than %s", text, currency)
	}
	amount, err := strconv.ParseInt(whole+decimals+strings.Repeat("0", exponent-len(decimals)), 10, 64)
	if err != nil || whole == "" || amount < 0 || strings.HasPrefix(text, "+") || strings.HasPrefix(text, "-") {
		return 0, fmt.Errorf("%q is not an amount such as 432.10", text)
	}
	return model.Money(amount), nil
}

// printClose prints a record for people.
func printClose(w io.Writer, c books.Close) error {
	money := func(m model.Money) string { return m.Format(c.Currency) }
	var b strings.Builder
	line := func(name string, amount model.Money) { fmt.Fprintf(&b, "  %-22s %14s\n", name, money(amount)) }
	fmt.Fprintf(&b, "Close %d of %s", c.Number, c.Day.Format("Mon 2 Jan 2006"))
	if c.Early {
		b.WriteString(", before the day was over")
	}
	fmt.Fprintf(&b, "\n\n  %d orders\n", c.Orders)
	line("Sales", c.Gross)
	for _, part := range []struct {
		name   string
		amount model.Money
	}{{"Refunds", -c.Refunds}, {"Without taxes", c.Net}} {
		if part.amount != 0 {
			line(part.name, part.amount)
		}
	}
	for _, t := range c.Taxes {
		line(t.Label(), t.Amount)
	}
	if c.Tips != 0 {
		line("Tips", c.Tips)
	}
	b.WriteString("\n")
	for _, t := range c.Tenders {
		line(string(t.Method), t.Amount)
		if t.Counted != nil {
			fmt.Fprintf(&b, "    expected %s, counted %s, difference %s\n", money(*t.Expected), money(*t.Counted), money(*t.Difference))
		}
	}
	for _, carried := range c.Carried {
		line("Carried of "+string(carried.Day), carried.Amount)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// exports are what cafe export writes.
var exports = []string{"orders", "journal", "customers", "all"}

func exportCommand() *cli.Command {
	return &cli.Command{
		Name:      "export",
		Usage:     "write orders, the journal, customers, or all there is to take away",
		ArgsUsage: "orders|journal|customers|all",
		Flags: append(clientFlags(),
			&cli.StringFlag{Name: "from", Usage: "the first business day (default: 30 days before the last)"},
			&cli.StringFlag{Name: "to", Value: "today", Usage: "the last business day, included"},
			&cli.StringFlag{Name: "format", Value: "csv", Usage: "csv or jsonl; all is always jsonl"},
			&cli.StringFlag{Name: "preset", Usage: "of the journal: xero or quickbooks"},
			&cli.StringFlag{Name: "o", Usage: "the file to write (default: standard output)"},
		),
		Action: func(ctx context.Context, c *cli.Command) (err error) {
			what := c.Args().First()
			if c.Args().Len() != 1 || !strings.Contains(" "+strings.Join(exports, " ")+" ", " "+what+" ") {
				return wrongUsage("say what to export: %s", strings.Join(exports, ", "))
			}
			format := c.String("format")
			if format != "csv" && format != "jsonl" {
				return wrongUsage("-format %q is not csv or jsonl", format)
			}
			if what == "all" && c.IsSet("format") && format == "csv" {
				return wrongUsage("all has several kinds of things, which CSV cannot hold: use -format jsonl")
			}
			to, err := dayNamed(c.String("to"), time.Now())
			if err != nil {
				return err
			}
			from := to.AddDays(-30)
			if c.IsSet("from") {
				if from, err = dayNamed(c.String("from"), time.Now()); err != nil {
					return err
				}
			}
			if from > to {
				return wrongUsage("-from %s is after -to %s", from, to)
			}
			client, err := newClient(c, model.RoleOwner)
			if err != nil {
				return err
			}
			out := c.Root().Writer
			if name := c.String("o"); name != "" {
				file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // it names people; and never over what is there
				if err != nil {
					return err
				}
				out = file
				defer func() { err = errors.Join(err, file.Close()) }()
			}
			e := exporter{client: client, out: out, from: from, to: to, csv: format == "csv" && what != "all", preset: c.String("preset")}
			return e.export(ctx, what, c.IsSet("from"))
		},
	}
}

// exporter writes one file.
type exporter struct {
	client   client
	out      io.Writer
	from, to model.Day
	csv      bool
	preset   string
	lines    int // of CSV, with the heading
}

func (e *exporter) export(ctx context.Context, what string, ranged bool) error {
	switch what {
	case "journal":
		return e.journal(ctx)
	case "customers":
		return e.pages(ctx, "/customers?limit=100", "customers", nil)
	case "orders":
		return e.orders(ctx)
	}
	// All: every day that has anything, unless a range is given.
	if err := e.pages(ctx, "/menu?limit=100", "items", nil); err != nil {
		return err
	}
	var ids []string
	err := e.pages(ctx, "/customers?limit=100", "customers", func(row json.RawMessage) {
		var customer struct{ ID string }
		if json.Unmarshal(row, &customer) == nil {
			ids = append(ids, customer.ID)
		}
	})
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := e.pages(ctx, "/customers/"+id+"/payments?limit=100", "payments", nil); err != nil {
			return err
		}
	}
	if ranged {
		return e.orders(ctx)
	}
	return e.pages(ctx, "/orders?sort=oldest&limit=100", "orders", nil)
}

func (e *exporter) orders(ctx context.Context) error {
	for day := e.from; day <= e.to; day = day.AddDays(1) {
		if err := e.pages(ctx, "/orders?sort=oldest&limit=100&day="+string(day), "orders", nil); err != nil {
			return err
		}
	}
	return nil
}

// journal asks for a quarter of a year at a time.
func (e *exporter) journal(ctx context.Context) error {
	for from := e.from; from <= e.to; from = from.AddDays(92) {
		path := "/journal?from=" + string(from) + "&to=" + string(min(e.to, from.AddDays(91)))
		if e.preset != "" {
			path += "&preset=" + e.preset
		}
		if err := e.pages(ctx, path, "rows", nil); err != nil {
			return err
		}
	}
	return nil
}

// pages writes a list, page by page: as CSV with one heading, or each row as a line of JSON
// that says what it is. It shows each row of JSON to see.
func (e *exporter) pages(ctx context.Context, path, name string, see func(json.RawMessage)) error {
	for cursor := ""; ; {
		at := path
		if cursor != "" {
			at += "&cursor=" + cursor
		}
		if e.csv {
			text, next, err := e.client.csv(ctx, at)
			if err != nil {
				return err
			}
			if e.lines > 0 {
				_, text, _ = strings.Cut(text, "\r\n") // the heading is there
			}
			e.lines++
			if _, err := io.WriteString(e.out, text); err != nil {
				return err
			}
			if cursor = next; cursor == "" {
				return nil
			}
			continue
		}
		body, err := e.client.call(ctx, "GET", at, "application/json", nil)
		if err != nil {
			return err
		}
		var page map[string]json.RawMessage
		var rows []json.RawMessage
		if err = json.Unmarshal(body, &page); err == nil {
			err = json.Unmarshal(page[name], &rows)
		}
		if err != nil {
			return fmt.Errorf("the café's answer cannot be read: %w", err)
		}
		for _, row := range rows {
			if see != nil {
				see(row)
			}
			if _, err := fmt.Fprintf(e.out, "{\"kind\":%q,\"data\":%s}\n", kinds[name], row); err != nil {
				return err
			}
		}
		cursor = ""
		_ = json.Unmarshal(page["next_cursor"], &cursor) // absent on the last page
		if cursor == "" {
			return nil
		}
	}
}

// kinds says what one row of a list is.
var kinds = map[string]string{"items": "menu_item", "customers": "customer", "payments": "payment", "orders": "order", "rows": "journal_row"}
