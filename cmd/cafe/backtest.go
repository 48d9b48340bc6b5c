package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/urfave/cli/v3"

	"cafe/internal/settings"
	"cafe/internal/settings/calendar"
	"cafe/model"
	"cafe/model/forecast"
	"cafe/model/forecast/backtest"
	"cafe/model/holidays"
	"cafe/model/report"
	"cafe/model/till"
)

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
			&cli.IntFlag{Name: "items", Usage: "score so many of the best sellers of the file only (default: all)"},
			&cli.StringFlag{Name: "holidays", Usage: "file of holidays (iCalendar)"},
			&cli.IntFlag{Name: "window", Value: report.HistoryDays, Usage: fmt.Sprintf("go by so many days before each day, up to %d", forecast.MostDays)},
			&cli.BoolFlag{Name: "json", Usage: "print all figures as JSON"},
		},
		Action: func(ctx context.Context, c *cli.Command) error {
			if c.NArg() != 1 {
				return wrongUsage("backtest takes one file; there are %d", c.NArg())
			}
			test, left, err := readTest(ctx, c)
			if err != nil {
				return err
			}
			if left > 0 {
				fmt.Fprintf(c.Root().ErrWriter, "cafe: %d orders of the file are left out: cafe import -dry-run says why\n", left)
			}
			result := backtest.Run(test)
			if c.Bool("json") {
				e := json.NewEncoder(c.Root().Writer)
				e.SetIndent("", "  ")
				return e.Encode(result)
			}
			_, err = io.WriteString(c.Root().Writer, backtestText(result))
			return err
		},
	}
}

// readTest makes a test of the command's files and flags. It returns how many orders of
// the file are left out.
func readTest(ctx context.Context, c *cli.Command) (test backtest.Test, left int, err error) {
	if n := c.Int("items"); c.IsSet("items") && n < 1 {
		return test, 0, wrongUsage("-items %d is below 1", n)
	}
	test.Window = c.Int("window")
	if test.Window < 1 || test.Window > forecast.MostDays {
		return test, 0, wrongUsage("-window %d is not between 1 and %d", test.Window, forecast.MostDays)
	}
	settings, err := settings.FromEnv(os.Getenv, calendar.Read)
	if err != nil {
		return test, 0, err
	}
	test.Costs = forecast.Costs{LostSale: settings.LostSaleCost, Leftover: settings.LeftoverCost}
	menu, err := readMenu(ctx, c.String("menu"))
	if err != nil {
		return test, 0, err
	}
	rules := till.Rules{Calendar: settings.Calendar, Currency: settings.Currency, Dates: settings.DateOrder, Menu: menu, Ignore: c.StringSlice("ignore")}
	history, left, err := readHistory(ctx, c.Args().First(), rules, settings.Calendar)
	if err != nil {
		return test, left, err
	}
	if len(history) == 0 {
		return test, left, errors.New("the file has no orders")
	}
	for _, s := range history {
		test.History = append(test.History, s.ForecastDay())
	}
	test.Items = bestSellers(menu, history, c.Int("items"))

	test.To = history[len(history)-1].Day
	if c.IsSet("to") {
		if test.To, err = model.ParseDay(c.String("to")); err != nil {
			return test, left, wrongUsage("-to: %w", err)
		}
	}
	test.From = test.To.AddDays(1 - backtestDays)
	if c.IsSet("from") {
		if test.From, err = model.ParseDay(c.String("from")); err != nil {
			return test, left, wrongUsage("-from: %w", err)
		}
	}
	if path := c.String("holidays"); path != "" {
		file, err := os.ReadFile(path)
		if err != nil {
			return test, left, err
		}
		if test.Holidays, err = holidays.Parse(string(file), history[0].Day, test.To); err != nil {
			return test, left, fmt.Errorf("%s: %w", path, err)
		}
	}
	return test, left, nil
}

// bestSellers returns the active counted items of the menu, most sold first: so many of
// them, or all if that is 0.
func bestSellers(menu model.Menu, history []report.Summary, most int) []backtest.Item {
	sold := map[string]int64{}
	for _, s := range history {
		for sku, n := range s.Sold {
			sold[sku] += n
		}
	}
	var list []backtest.Item
	for sku, item := range menu {
		if item.Counted && item.Active {
			list = append(list, backtest.Item{SKU: sku, Name: cmp.Or(item.Name, sku), Price: item.Price})
		}
	}
	slices.SortFunc(list, func(a, b backtest.Item) int {
		return cmp.Or(cmp.Compare(sold[b.SKU], sold[a.SKU]), cmp.Compare(a.SKU, b.SKU))
	})
	if most > 0 && most < len(list) {
		list = list[:most]
	}
	return list
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
// would reject, and returns how many.
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
		}.Entries()[0]
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
