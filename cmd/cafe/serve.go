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
	"net/url"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/urfave/cli/v3"

	"cafe/api/cors"
	"cafe/internal/auth"
	"cafe/internal/cafe"
	"cafe/internal/durable"
	"cafe/internal/house"
	"cafe/internal/local"
	"cafe/internal/metric"
	"cafe/internal/settings"
	"cafe/internal/settings/calendar"
	"cafe/internal/table/pebble"
	"cafe/model/pricing"
	"cafe/model/till"
)

//go:embed sample_menu.csv
var sampleMenu []byte

// samplePricing has the VAT of the United Kingdom.
//
//go:embed sample_pricing.json
var samplePricing []byte

// sampleStock is how many of each counted item of the sample menu are on the shelf.
const sampleStock = 24

func serveCommand() *cli.Command {
	return &cli.Command{
		Name:        "serve",
		Usage:       "open the café (the default)",
		Description: environment,
		Flags: []cli.Flag{
			dataFlag(),
			&cli.StringFlag{Name: "addr", Value: "127.0.0.1:3000", Usage: "address to listen on; port 0 picks one", Sources: cli.EnvVars("CAFE_ADDR")},
			&cli.StringFlag{Name: "table", Usage: "DynamoDB table in place of the embedded store; endpoint and credentials from the AWS environment"},
			&cli.BoolFlag{Name: "empty", Usage: "a new café begins without the sample menu"},
			&cli.BoolFlag{Name: "accept-loss", Usage: "open a damaged store with what is left of it; what is missing is lost then"},
			&cli.BoolFlag{Name: "v", Usage: "log each request"},
		},
		Action: func(ctx context.Context, c *cli.Command) error {
			if err := noArguments(c); err != nil {
				return err
			}
			logTo(c.Root().ErrWriter, c.Bool("v"))
			if namespace := os.Getenv("CAFE_METRICS_NAMESPACE"); namespace != "" {
				metric.SetOutput(c.Root().ErrWriter, namespace, "")
			}
			o := opening{addr: c.String("addr"), data: c.String("data"), table: c.String("table"), empty: c.Bool("empty"), acceptLoss: c.Bool("accept-loss")}
			if o.table != "" && o.acceptLoss {
				return wrongUsage("-accept-loss is for the store in the data folder; with -table there is none")
			}
			return serve(ctx, c.Root().Writer, o)
		},
	}
}

// growth is how much garbage there may be for what is in use, in percent (GOGC). There is
// little in use: at Go's 100 the collector would take a fifth of the time of a busy café.
const growth = 400

// ballast is memory that counts as in use, so that the collector waits for 40 MB of garbage
// more. It runs a third as often then, which is a tenth of the work of a busy café. The
// pages are never written, so that the system never gives any memory for them.
const ballast = 10 << 20

// memory is how much of it Go is to have before the collector runs as often as it must
// (GOMEMLIMIT), in bytes. Where there is no C compiler, and so no cgo, the blocks that the
// store keeps are Go's, too, and would count among what is in use.
const memory = 384 << 20

// opening is how a café is opened: the flags of serve.
type opening struct {
	addr, data, table string
	empty, acceptLoss bool
}

// serve keeps the café open until the context ends.
func serve(ctx context.Context, out io.Writer, o opening) (err error) {
	if os.Getenv("GOGC") == "" {
		defer debug.SetGCPercent(debug.SetGCPercent(growth))
		defer runtime.KeepAlive(make([]byte, ballast))
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		defer debug.SetMemoryLimit(debug.SetMemoryLimit(memory))
	}
	s, err := settings.FromEnv(os.Getenv, calendar.Read)
	if err != nil {
		return err
	}
	owner := cmp.Or(os.Getenv("CAFE_OWNER_EMAIL"), "owner@example.com")
	if _, err := mail.ParseAddress(owner); err != nil {
		return errors.New("CAFE_OWNER_EMAIL is not an e-mail address")
	}
	throttle, err := throttleFromEnv(os.Getenv)
	if err != nil {
		return err
	}
	origins, err := cors.ParseOrigins(os.Getenv("CAFE_ORIGIN"))
	if err != nil {
		return fmt.Errorf("CAFE_ORIGIN: %w", err)
	}
	publicURL := os.Getenv("CAFE_URL")
	if u, err := url.Parse(publicURL); publicURL != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		return errors.New("CAFE_URL is not an address such as http://cafe.example:3000")
	}
	loopback, err := strconv.ParseBool(cmp.Or(os.Getenv("CAFE_WEBHOOKS_LOOPBACK"), "false"))
	if err != nil {
		return errors.New("CAFE_WEBHOOKS_LOOPBACK is neither true nor false")
	}
	listener, err := listen(o.addr) // first, so that a start that comes to nothing leaves no folder
	if err != nil {
		return err
	}
	defer listener.Close() // for when it comes to nothing
	if err := durable.MkdirAll(o.data); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	issuer, err := auth.OpenIssuer(o.data)
	if err != nil {
		return err
	}
	store, err := openStore(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	s.URL = strings.TrimRight(publicURL, "/")
	h := house.Open(s, store.Table, time.Now)
	if store.Ours {
		if err := begin(ctx, h.Cafe, o.empty); err != nil {
			return fmt.Errorf("sample menu and pricing: %w", err)
		}
	}
	process, err := local.Open(local.Options{
		House: h, Store: store, Data: o.data, Listener: listener, Issuer: issuer, Owner: owner,
		URL: publicURL, Origins: origins, Version: version(), Throttle: throttle, Loopback: loopback,
	})
	if err != nil {
		return err
	}
	return process.Run(ctx, func() error { return welcome(out, o.data, "http://"+listener.Addr().String(), s, issuer) })
}

// listen takes the address. If it is taken, the error says what to do.
func listen(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is taken: is a café open there already? Choose another address with -addr or CAFE_ADDR; port 0 finds a free one", addr)
	}
	return l, err
}

func openStore(ctx context.Context, o opening) (local.Store, error) {
	if o.table != "" {
		return local.OpenTable(ctx, o.table)
	}
	return local.OpenStore(o.data, pebble.Options{AcceptLoss: o.acceptLoss})
}

// throttleFromEnv returns the throttle of the local gateway, with CAFE_THROTTLE_RATE
// requests a second and CAFE_THROTTLE_BURST at once for each of its buckets.
func throttleFromEnv(getenv func(string) string) (*local.Throttle, error) {
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
	return local.NewThrottle(perSecond, int(max(1, burst))), err
}

// begin makes a new café ready. Unless it is to be empty, it gets the sample menu and pricing
// document, and something on the shelf. Prices are as many minor units of whatever currency
// the café has.
func begin(ctx context.Context, c *cafe.Cafe, empty bool) error {
	var document pricing.Document
	if err := json.Unmarshal(samplePricing, &document, json.RejectUnknownMembers(true)); err != nil {
		return err
	}
	file, err := till.ReadMenu(ctx, bytes.NewReader(sampleMenu), till.Rules{})
	if err != nil {
		return err
	}
	defer file.Close()
	sample := cafe.Sample{Pricing: document, OnHand: sampleStock}
	for row, err := range file.All() {
		if err != nil {
			return err
		}
		sample.Items = append(sample.Items, row.Item)
	}
	return c.Begin(ctx, sample, empty)
}
