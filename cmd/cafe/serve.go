package main

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/urfave/cli/v3"
	"golang.org/x/time/rate"

	"cafe/api"
	"cafe/handlers"
	"cafe/internal/auth"
	"cafe/internal/cafe"
	"cafe/internal/durable"
	"cafe/internal/local"
	"cafe/internal/notify/folder"
	"cafe/internal/table"
	"cafe/internal/table/pebble"
	"cafe/model"
	"cafe/model/till"
)

//go:embed sample_menu.csv
var sampleMenu []byte

// sampleStock is how many of each counted item of the sample menu are on the shelf.
const sampleStock = 24

func serveCommand() *cli.Command {
	return &cli.Command{
		Name:  "serve",
		Usage: "open the café (the default)",
		Flags: []cli.Flag{
			dataFlag(),
			&cli.StringFlag{Name: "addr", Value: "127.0.0.1:3000", Usage: "address to listen on; port 0 picks one"},
			&cli.StringFlag{Name: "table", Usage: "DynamoDB table in place of the embedded store; endpoint and credentials from the AWS environment"},
			&cli.BoolFlag{Name: "v", Usage: "log each request"},
		},
		Action: func(ctx context.Context, c *cli.Command) error {
			if err := noArguments(c); err != nil {
				return err
			}
			logTo(c.Root().ErrWriter, c.Bool("v"))
			return serve(ctx, c.Root().Writer, c.String("addr"), c.String("data"), c.String("table"))
		},
	}
}

// drainTime is how long requests under way may take to end when the café closes.
const drainTime = 20 * time.Second

// deliveryLife is how long mails and messages can be looked at: they name customers.
const deliveryLife = cafe.ImportLife

// growth is how much garbage there may be for what is in use, in percent (GOGC). There is
// little in use: at Go's 100 the collector would take a fifth of the time of a busy café.
const growth = 400

// memory is how much of it Go is to have before the collector runs as often as it must
// (GOMEMLIMIT), in bytes. Where there is no C compiler, and so no cgo, the blocks that the
// store keeps are Go's, too, and would count among what is in use.
const memory = 384 << 20

// serve keeps the café open until the context ends.
func serve(ctx context.Context, out io.Writer, addr, data, tableName string) (err error) {
	if os.Getenv("GOGC") == "" {
		defer debug.SetGCPercent(debug.SetGCPercent(growth))
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		defer debug.SetMemoryLimit(debug.SetMemoryLimit(memory))
	}
	settings, err := cafe.SettingsFrom(os.Getenv)
	if err != nil {
		return err
	}
	owner := cmp.Or(os.Getenv("CAFE_OWNER_EMAIL"), "owner@example.com")
	if _, err := mail.ParseAddress(owner); err != nil {
		return errors.New("CAFE_OWNER_EMAIL is not an e-mail address")
	}
	limit, err := throttle(os.Getenv)
	if err != nil {
		return err
	}
	if err := durable.MkdirAll(data); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	issuer, err := auth.OpenIssuer(data)
	if err != nil {
		return err
	}
	verifier, err := issuer.Verifier()
	if err != nil {
		return err
	}
	store, err := openStore(ctx, data, tableName)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.close()) }()

	c := cafe.New(settings, store.table, time.Now)
	c.Watch = local.Watch{Data: data}
	if store.isNew {
		if err := loadSample(ctx, c); err != nil {
			return fmt.Errorf("sample menu: %w", err)
		}
	}
	notifier, err := folder.Open(filepath.Join(data, "outbox"), folder.Options{Owner: owner, From: settings.Name})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	defer listener.Close() // for when it comes to nothing
	url := "http://" + listener.Addr().String()

	// What goes on in the background ends after the last request and before the store closes.
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	reachable := local.Writable(store.table)
	files, err := openFiles(background, &running, c, filepath.Join(data, "files"), url, reachable)
	if err != nil {
		return err
	}
	router, err := api.New(c, api.Options{
		CursorKey: issuer.Key("cursors"), Origin: os.Getenv("CAFE_ORIGIN"), Version: version(), Links: files,
	})
	if err != nil {
		return err
	}
	server := local.Server(local.Gateway(withFiles(router, files), verifier, limit))

	pump, err := store.pump(data, reachable, local.Consumer{Name: "ledger", Wants: cafe.Posts, Handle: handlers.Ledger(c)},
		local.Consumer{Name: "notifier", Wants: cafe.Announces, Handle: handlers.Notify(c, notifier)})
	if err != nil {
		return err
	}
	running.Go(func() { pump(background) })
	running.Go(func() {
		local.Every(background, time.Minute, "sweep of the outbox", func(ctx context.Context) error {
			_, err := c.Sweep(ctx, notifier, time.Minute)
			return err
		})
	})

	running.Go(func() {
		local.Every(background, 24*time.Hour, "forgetting old deliveries", func(context.Context) error {
			return notifier.Forget(time.Now().Add(-deliveryLife))
		})
	})

	running.Go(func() { local.Reports(background, c, notifier) })

	if err := welcome(out, url, settings, issuer); err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case err := <-store.failed(ctx):
		return err
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	if err := server.Shutdown(drain); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}

// welcome prints what one needs to begin. That it prints the address means that the café
// takes requests.
func welcome(out io.Writer, url string, s cafe.Settings, issuer *auth.Issuer) error {
	fmt.Fprintf(out, "%s is open. Try it:\n\n", s.Name)
	for _, try := range []struct {
		role model.Role
		what string
		curl string
	}{
		{model.RoleCustomer, "orders a latte on their tab", `-X POST ` + url + `/orders -H 'Content-Type: application/json' -d '{"lines":[{"sku":"latte","quantity":1,"options":["oat"]}]}'`},
		{model.RoleStaff, "sees the newest orders", url + `/orders`},
		{model.RoleOwner, "sees the customer's tab", url + `/customers/` + subjects[model.RoleCustomer]},
		{model.RoleOwner, "sees how the day goes", `-H 'Accept: text/plain' ` + url + `/reports/` + string(s.Calendar.DayOf(time.Now()))},
	} {
		token, err := issuer.Issue(try.role, subjects[try.role], 24*time.Hour)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s (%s) %s:\n  curl -H 'Authorization: Bearer %s' %s\n\n", subjects[try.role], try.role, try.what, token, try.curl)
	}
	fmt.Fprintf(out, "The API is described at %s/docs. Ctrl-C closes the café.\n", url)
	_, err := fmt.Fprintf(out, "listening on %s\n", url)
	return err
}

// throttle makes the limit of the local gateway from CAFE_THROTTLE_RATE and
// CAFE_THROTTLE_BURST, in requests a second.
func throttle(getenv func(string) string) (*rate.Limiter, error) {
	read := func(name string, standard float64) (float64, error) {
		v := getenv(name)
		if v == "" {
			return standard, nil
		}
		n, err := strconv.ParseFloat(v, 64)
		if err != nil || !(n > 0 && n <= 1e9) {
			return 0, fmt.Errorf("%s is not a number of requests a second above 0", name)
		}
		return n, nil
	}
	perSecond, err := read("CAFE_THROTTLE_RATE", 500)
	if err != nil {
		return nil, err
	}
	burst, err := read("CAFE_THROTTLE_BURST", max(1, 2*perSecond))
	return rate.NewLimiter(rate.Limit(perSecond), int(max(1, burst))), err
}

// version is what the Go tool knows of the program: a tag, or the commit.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value[:min(12, len(s.Value))]
		}
	}
	return info.Main.Version
}

// loadSample puts the sample menu up and something on the shelf.
func loadSample(ctx context.Context, c *cafe.Cafe) error {
	file, err := till.ReadMenu(ctx, bytes.NewReader(sampleMenu), till.Rules{})
	if err != nil {
		return err
	}
	defer file.Close()
	for row, err := range file.All() {
		if err != nil {
			return err
		}
		if _, err := c.SetMenuItem(ctx, row.Item, nil); err != nil {
			return err
		}
		if row.Item.Counted {
			if _, err := c.SetStock(ctx, row.Item.SKU, sampleStock); err != nil {
				return err
			}
		}
	}
	return nil
}

// store is the table that the café keeps everything in, with what belongs to its engine.
type store struct {
	table  table.Table
	isNew  bool // it was made just now
	close  func() error
	failed func(context.Context) <-chan error
	pump   func(data string, reachable func(context.Context) bool, consumers ...local.Consumer) (func(context.Context), error)
}

func openStore(ctx context.Context, data, tableName string) (store, error) {
	if tableName != "" {
		return openDynamo(ctx, tableName)
	}
	dir := filepath.Join(data, "store")
	_, err := os.Stat(dir)
	isNew := errors.Is(err, os.ErrNotExist)
	t, err := pebble.Open(dir, pebble.Options{Logs: func(pk string) bool { return cafe.Posts(pk) || cafe.Announces(pk) }})
	if errors.Is(err, pebble.ErrInUse) {
		return store{}, fmt.Errorf("the data folder %s is in use by another process: is a café open there already?", data)
	}
	if err != nil {
		return store{}, err
	}
	return store{
		table: t, isNew: isNew, close: t.Close,
		failed: func(ctx context.Context) <-chan error {
			failed := make(chan error, 1)
			go func() {
				select {
				case <-t.Failed():
					failed <- fmt.Errorf("the store cannot write any more; open the café again: %w", t.Err())
				case <-ctx.Done():
				}
			}()
			return failed
		},
		pump: func(data string, reachable func(context.Context) bool, consumers ...local.Consumer) (func(context.Context), error) {
			p, err := local.NewPump(t, data, reachable, consumers...)
			if err != nil {
				return nil, err
			}
			return p.Run, nil
		},
	}, nil
}
