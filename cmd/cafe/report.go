package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/urfave/cli/v3"

	"cafe/internal/settings"
	"cafe/model"
	"cafe/model/report"
	"cafe/model/till"
)

// mediaTypes are the forms in which a report is printed.
var mediaTypes = map[string]string{"text": "text/plain", "html": "text/html", "json": "application/json"}

func reportCommand() *cli.Command {
	return &cli.Command{
		Name:  "report",
		Usage: "print a day's report, or have it made anew and mailed",
		Flags: append(clientFlags(),
			&cli.StringFlag{Name: "day", Value: "today", Usage: "business day: 2017-03-18, today or yesterday, by CAFE_TIME_ZONE and CAFE_DAY_CUTOFF"},
			&cli.StringFlag{Name: "format", Value: "text", Usage: "text, html or json"},
			&cli.BoolFlag{Name: "build", Usage: "make a new revision first, and mail it to the owner"},
		),
		Action: func(ctx context.Context, c *cli.Command) error {
			if err := noArguments(c); err != nil {
				return err
			}
			accept, known := mediaTypes[c.String("format")]
			if !known {
				return fmt.Errorf("-format %q is not text, html or json", c.String("format"))
			}
			day, err := dayNamed(c.String("day"), time.Now())
			if err != nil {
				return err
			}
			client, err := newClient(c, model.RoleOwner)
			if err != nil {
				return err
			}
			path := "/reports/" + string(day)
			if c.Bool("build") {
				if _, err := client.call(ctx, "POST", path, "", nil); err != nil {
					return err
				}
			}
			body, err := client.call(ctx, "GET", path, accept, nil)
			if err != nil {
				return err
			}
			_, err = c.Root().Writer.Write(body)
			return err
		},
	}
}

// dayNamed reads a day as people give it.
func dayNamed(name string, now time.Time) (model.Day, error) {
	if name != "today" && name != "yesterday" {
		day, err := model.ParseDay(name)
		if err != nil {
			return "", fmt.Errorf("-day: %w", err)
		}
		return day, nil
	}
	settings, err := settings.FromEnv(os.Getenv)
	if err != nil {
		return "", err
	}
	today := settings.Calendar.DayOf(now)
	if name == "yesterday" {
		return today.AddDays(-1), nil
	}
	return today, nil
}

// backtestDays is over how many days the bake list is tested unless one says.
const backtestDays = 36

func backtestCommand() *cli.Command {
	return &cli.Command{
		Name:      "backtest",
		Usage:     "print how good the bake list would have been, going by a till's file",
		ArgsUsage: "FILE",
		Description: "FILE is a till's sales as for import. For each day the bake list is made of the days before it only,\n" +
			"and compared with what was sold. No café need be open.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "menu", Usage: "file of the menu, as for import", Required: true},
			&cli.StringSliceFlag{Name: "ignore", Value: []string{"NONE", "Adjustment"}, Usage: "items whose rows are no sale"},
			&cli.StringFlag{Name: "from", Usage: fmt.Sprintf("first day (default: %d days before the last)", backtestDays-1)},
			&cli.StringFlag{Name: "to", Usage: "last day (default: the file's)"},
		},
		Action: func(ctx context.Context, c *cli.Command) error {
			if c.NArg() != 1 {
				return fmt.Errorf("backtest takes one file; there are %d", c.NArg())
			}
			settings, err := settings.FromEnv(os.Getenv)
			if err != nil {
				return err
			}
			menu, err := readMenu(ctx, c.String("menu"))
			if err != nil {
				return err
			}
			rules := till.Rules{Zone: settings.Calendar.Zone, Currency: settings.Currency, Dates: settings.DateOrder, Menu: menu, Ignore: c.StringSlice("ignore")}
			history, left, err := readHistory(ctx, c.Args().First(), rules, settings.Calendar)
			if err != nil {
				return err
			}
			if left > 0 {
				fmt.Fprintf(c.Root().ErrWriter, "cafe: %d orders of the file are left out: cafe import -dry-run says why\n", left)
			}
			if len(history) == 0 {
				return errors.New("the file has no orders")
			}
			to := history[len(history)-1].Day
			if c.IsSet("to") {
				if to, err = model.ParseDay(c.String("to")); err != nil {
					return fmt.Errorf("-to: %w", err)
				}
			}
			from := to.AddDays(1 - backtestDays)
			if c.IsSet("from") {
				if from, err = model.ParseDay(c.String("from")); err != nil {
					return fmt.Errorf("-from: %w", err)
				}
			}
			scores := report.Backtest(history, menu, from, to, settings.LostSaleCost, settings.LeftoverCost)
			_, err = io.WriteString(c.Root().Writer, scores.String())
			return err
		},
	}
}

func readMenu(ctx context.Context, path string) (model.Menu, error) {
	src, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	file, err := till.ReadMenu(ctx, src, till.Rules{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer file.Close()
	menu := model.Menu{}
	for row, err := range file.All() {
		if err != nil {
			return nil, err
		}
		if len(row.Problems) > 0 {
			return nil, fmt.Errorf("%s, line %d: %s", path, row.Problems[0].Line, row.Problems[0])
		}
		menu[row.Item.SKU] = row.Item
	}
	return menu, nil
}

// readHistory sums a till's file up by business day. It leaves out orders that an import
// would reject, and tells how many.
func readHistory(ctx context.Context, path string, rules till.Rules, calendar model.Calendar) (history []report.Summary, left int, err error) {
	src, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer src.Close()
	file, err := till.ReadOrders(ctx, src, rules)
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", path, err)
	}
	defer file.Close()
	entries := map[model.Day][]model.Entry{}
	for o, err := range file.All() {
		if err != nil {
			return nil, 0, err
		}
		if len(o.Problems) > 0 {
			left++
			continue
		}
		e := model.Order{
			ID: o.OrderID(), CustomerID: o.CustomerID, Status: o.Status, Lines: o.Lines, Total: o.Total,
			PlacedAt: o.PlacedAt, BusinessDay: calendar.DayOf(o.PlacedAt),
		}.Entry()
		entries[e.Day] = append(entries[e.Day], e)
	}
	for _, day := range slices.Sorted(maps.Keys(entries)) {
		summary, err := report.Summarise(day, rules.Menu, entries[day], nil)
		if err != nil {
			return nil, 0, err
		}
		history = append(history, summary)
	}
	return history, left, nil
}
