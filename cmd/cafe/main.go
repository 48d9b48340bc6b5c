// Command cafe runs a whole café on one machine (serve, the default), and has the tools
// that go with it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v3"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command().Run(ctx, os.Args)
	stop()
	var status exitStatus
	if errors.As(err, &status) {
		os.Exit(int(status))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cafe: "+err.Error())
		os.Exit(1)
	}
}

// exitStatus ends the command with a status of its own, when all that is to be said has
// been said.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func command() *cli.Command {
	serve := serveCommand()
	return &cli.Command{
		Name:                  "cafe",
		Usage:                 "the order back end of a café",
		Description:           "Without a command: serve.",
		Flags:                 serve.Flags,
		Action:                serve.Action,
		EnableShellCompletion: true,
		Commands:              []*cli.Command{serve, tokenCommand(), importCommand(), reportCommand(), backtestCommand(), reconcileCommand()},
		// main says what went wrong and sets the status.
		ExitErrHandler: func(context.Context, *cli.Command, error) {},
		OnUsageError:   func(_ context.Context, _ *cli.Command, err error, _ bool) error { return err },
	}
}

// noArguments refuses what a command has no use for, so that a mistyped command is not
// taken for serve.
func noArguments(c *cli.Command) error {
	if c.Args().Present() {
		return fmt.Errorf("unknown command or argument %q; see cafe -h", c.Args().First())
	}
	return nil
}

func dataFlag() cli.Flag {
	return &cli.StringFlag{Name: "data", Value: "./data", Usage: "folder that holds the café's data"}
}

// logTo logs plain lines; -v adds one for each request.
func logTo(w io.Writer, verbose bool) {
	level := slog.LevelInfo
	if verbose {
		level = slog.LevelDebug
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level})))
}
