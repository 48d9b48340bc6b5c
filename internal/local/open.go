package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"cafe/api"
	"cafe/handlers/importer"
	"cafe/handlers/stream"
	"cafe/internal/auth"
	"cafe/internal/events"
	"cafe/internal/house"
	"cafe/internal/imports"
	"cafe/internal/notify/folder"
	files "cafe/internal/objects/folder"
	"cafe/internal/outbox"
	"cafe/internal/records"
	"cafe/internal/webhooks"
	"cafe/internal/webhooks/post"
)

// Options say how a café is opened in one process.
type Options struct {
	House    *house.House
	Store    Store
	Data     string       // the data folder: outbox, files, dead letters, stream positions
	Listener net.Listener // where clients come in; Run closes it
	Issuer   *auth.Issuer // of the café's tokens
	Owner    string       // the owner's e-mail address

	URL      string   // where clients reach the café; empty: where it listens
	Origins  []string // of the web pages that may call; see cors.ParseOrigins
	Version  string
	Throttle *Throttle // nil: none

	// Connections is how many clients' connections may be open at a time. 0: as many as the
	// descriptors of files allow, after what the store needs.
	Connections int

	// Loopback allows webhooks to this machine, and over http. It is for development.
	Loopback bool

	// For tests. Notifier wraps the notifier; Reachable replaces Writable; Sweeps is how
	// often the outbox is swept, a minute unless set; Chores how often old files are removed,
	// a day unless set.
	Notifier       func(outbox.Notifier) outbox.Notifier
	Reachable      func(context.Context) bool
	Sweeps, Chores time.Duration
}

// Process is a café in one process. Make it with Open.
type Process struct {
	URL string // where clients reach it

	options  Options
	notifier outbox.Notifier
	folder   *folder.Notifier
	files    *files.Files
	uploads  *Uploads
	hooks    *post.Runner
	server   *http.Server
	clients  *connections
	feed     *events.Feed
	follower follower

	background context.Context
	stop       context.CancelFunc
	running    sync.WaitGroup
}

// drainTime is how long requests under way may take to end when the café closes.
const drainTime = 3 * time.Second

// cutTime is how long a request may go on once its connection was cut.
const cutTime = time.Second

// Open wires a café from its parts. Nothing runs until Run.
func Open(o Options) (*Process, error) {
	if o.Sweeps == 0 {
		o.Sweeps = time.Minute
	}
	if o.Chores == 0 {
		o.Chores = 24 * time.Hour
	}
	if o.Reachable == nil {
		o.Reachable = Writable(o.Store.Table)
	}
	p := &Process{options: o, URL: o.URL}
	if p.URL == "" {
		p.URL = "http://" + o.Listener.Addr().String()
	}
	if o.Connections == 0 {
		o.Connections = connectionsFor(descriptors())
	}
	p.clients = newConnections(o.Listener, o.Connections)
	p.background, p.stop = context.WithCancel(context.Background())
	h := o.House
	h.Reports.Watch = Watch{}

	var err error
	if p.folder, err = folder.Open(filepath.Join(o.Data, "outbox"), folder.Options{Owner: o.Owner, From: h.Settings.Name}); err != nil {
		return nil, err
	}
	p.notifier = p.folder
	if o.Notifier != nil {
		p.notifier = o.Notifier(p.folder)
	}
	p.files, err = files.Open(filepath.Join(o.Data, "files"), files.Options{
		BaseURL: p.URL, Takes: h.Imports.TakesUpload, OnUpload: func(key string) { p.uploads.Add(key) },
	})
	if err != nil {
		return nil, err
	}
	p.uploads = NewUploads(p.background, importer.SetAside(h.DeadLetters, importer.Handle(h.Imports, p.files)), p.files.Done, o.Reachable)

	p.feed = events.NewFeed(h.Events, o.Store.Poll)
	router, err := api.New(h, api.Options{CursorKey: o.Issuer.Key("cursors"), Version: o.Version, URL: o.URL, Links: p.files, Live: p.feed})
	if err != nil {
		return nil, err
	}
	if err := moveOldLetters(p.background, o.Data, h.DeadLetters); err != nil {
		return nil, err
	}
	verifier, err := o.Issuer.Verifier()
	if err != nil {
		return nil, err
	}
	p.server = Server(Gateway(newStreams(o.Connections).serve(withFiles(router, p.files)), verifier, o.Throttle, o.Origins))

	h.Webhooks.Loopback = o.Loopback
	p.hooks = post.NewRunner(p.background, p.deliverer(h.Webhooks))
	p.follower, err = o.Store.follow(o.Data, h.DeadLetters, o.Reachable, []Consumer{
		{Name: ledgerName, Wants: ledgerWants, Handle: stream.Waking(h.Webhooks, p.hooks, 0,
			stream.SetAside(ledgerName, h.DeadLetters, stream.Ledger(h.Ledger, h.Events)))},
		{Name: notifierName, Wants: notifierWants, Handle: stream.LeaveToSweep(notifierName, h.DeadLetters, stream.Notify(h.Outbox, p.notifier))},
	})
	return p, err
}

// Run keeps the café open until the context ends: it serves requests, follows the store's
// changes, and does what is due. It calls ready once requests are taken. Then it finishes
// the requests under way, and after them the work in the background. The store stays open.
func (p *Process) Run(ctx context.Context, ready func() error) error {
	defer p.options.Listener.Close() // for when it comes to nothing
	defer p.running.Wait()
	defer p.stop()
	if err := p.start(); err != nil {
		return err
	}
	if err := ready(); err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- p.server.Serve(p.clients) }()
	select {
	case err := <-failed:
		return err
	case <-p.options.Store.Failed:
		return fmt.Errorf("the store cannot write any more; open the café again: %w", p.options.Store.Err())
	case <-ctx.Done():
	}
	p.drain(context.WithoutCancel(ctx))
	return nil
}

// drain takes no more requests, drops those that have not begun, and waits for those under
// way. It cuts off what takes longer than drainTime: a stranger who sends half a request
// must not keep the café open.
func (p *Process) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	p.clients.drain()
	p.feed.Close()
	if err := p.server.Shutdown(ctx); err == nil {
		return
	}
	slog.Warn("requests were cut off, since they did not end in time", "requests", p.clients.underWay(), "waited", drainTime.String())
	_ = p.server.Close() // it says no more than that connections were closed
	ended := make(chan struct{})
	go func() { p.clients.requests.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(cutTime):
	}
}

// start begins the work in the background.
func (p *Process) start() error {
	pending, err := p.files.Pending() // uploads that an earlier process left
	if err != nil {
		return err
	}
	for _, key := range pending {
		p.uploads.Add(key)
	}
	h := p.options.House
	p.running.Go(p.uploads.Wait)
	p.running.Go(func() { p.follower.run(p.background) })
	p.running.Go(func() { p.feed.Run(p.background) })
	p.running.Go(func() {
		Every(p.background, p.options.Sweeps, "sweep of the outbox", func(ctx context.Context) error {
			_, err := h.Outbox.Sweep(ctx, p.notifier, p.options.Sweeps)
			return errors.Join(err, p.redrive(ctx))
		})
	})
	p.running.Go(func() { Every(p.background, p.options.Chores, "removal of old files", p.forget) })
	p.running.Go(func() { Reports(p.background, h, p.notifier) })
	p.running.Go(p.hooks.Run)
	return nil
}

// deliverer returns who delivers webhooks. Nobody else does from the embedded store, so that no
// lane has to be taken.
func (p *Process) deliverer(hooks *webhooks.Hooks) *webhooks.Deliverer {
	d := &webhooks.Deliverer{
		Hooks: hooks, Sender: post.New(post.Options{Loopback: p.options.Loopback}), Random: rand.Float64, Owner: records.NewID(), Turn: time.Minute,
	}
	if !p.options.Store.Alone {
		d.Lease = 2 * time.Minute
	}
	return d
}

// redrive imports the uploads whose dead letters are to be sent again.
func (p *Process) redrive(ctx context.Context) error {
	return importer.Redrive(ctx, p.options.House.DeadLetters, func(_ context.Context, key string) error {
		if !p.uploads.Has(key) {
			p.uploads.Add(key)
		}
		return nil
	})
}

// forget removes what is older than it may become: deliveries, imports and files, which name
// customers, and events.
func (p *Process) forget(ctx context.Context) error {
	before := time.Now().Add(-imports.Life)
	_, err := p.options.House.Imports.Forget(ctx)
	_, aside := p.options.House.DeadLetters.Forget(ctx)
	return errors.Join(err, aside, p.options.House.Events.Forget(ctx), p.options.House.Webhooks.Forget(ctx), p.files.Forget(before), p.folder.Forget(before))
}

// Sweep announces all that is pending in the outbox and returns how many items it did.
func (p *Process) Sweep(ctx context.Context) (done int, err error) {
	return p.options.House.Outbox.Sweep(ctx, p.notifier, 0)
}

// Lag returns how many changes a consumer has still to get. It is 0 for a DynamoDB table.
func (p *Process) Lag() uint64 {
	if p.follower.lag == nil {
		return 0
	}
	return p.follower.lag()
}
