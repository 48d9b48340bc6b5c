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
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "cafe: "+err.Error())
	var wrong usageError
	if errors.As(err, &wrong) {
		os.Exit(2)
	}
	os.Exit(1)
}

// usageError is the error of a call that makes no sense, whatever the café does. The command
// ends with 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func wrongUsage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// environment is the part of the help about variables. docs/running.md has them all.
const environment = "Settings are environment variables, such as CAFE_NAME, CAFE_TIME_ZONE (Europe/London), CAFE_CURRENCY (GBP), CAFE_DAY_CUTOFF (04:00),\n" +
	"CAFE_CREDIT_LIMIT (10000), CAFE_REPORT_TIME (20:00), CAFE_OWNER_EMAIL, CAFE_DATE_ORDER, CAFE_URL, CAFE_ORIGIN,\n" +
	"CAFE_THROTTLE_RATE (500) and CAFE_THROTTLE_BURST. docs/running.md lists them all."

// exitStatus ends the command with a status of its own, when all that is to be said has
// been said.
type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func command() *cli.Command {
	serve := serveCommand()
	cli.VersionFlag = &cli.BoolFlag{Name: "version", Usage: "print the version"} // -v is serve's
	cli.VersionPrinter = func(c *cli.Command) { fmt.Fprintln(c.Root().Writer, version()) }
	root := &cli.Command{
		Name:                  "cafe",
		Usage:                 "the order back end of a café",
		Version:               version(),
		Description:           "Without a command: serve.\n" + environment,
		Flags:                 serve.Flags,
		Action:                serve.Action,
		EnableShellCompletion: true,
		Commands:              []*cli.Command{serve, tokenCommand(), importCommand(), reportCommand(), backtestCommand(), reconcileCommand(), closeCommand(), exportCommand(), redriveCommand(), versionCommand()},
		// main says what went wrong and sets the status.
		ExitErrHandler: func(context.Context, *cli.Command, error) {},
	}
	for _, c := range append([]*cli.Command{root}, root.Commands...) {
		// The library would print help on standard output, where $(…) takes it for a token.
		c.OnUsageError = func(_ context.Context, c *cli.Command, err error, _ bool) error {
			return wrongUsage("%w; see %s -h", err, c.FullName())
		}
	}
	return root
}

// noArguments refuses what a command has no use for, so that a mistyped command is not
// taken for serve.
func noArguments(c *cli.Command) error {
	if c.Args().Present() {
		return wrongUsage("unknown command or argument %q; see cafe -h", c.Args().First())
	}
	return nil
}

func dataFlag() cli.Flag {
	return &cli.StringFlag{Name: "data", Value: "./data", Usage: "folder that holds the café's data", Sources: cli.EnvVars("CAFE_DATA")}
}

// logTo logs plain lines; -v adds one for each request.
func logTo(w io.Writer, verbose bool) {
	level := slog.LevelInfo
	if verbose {
		level = slog.LevelDebug
	}
	slog.SetDefault(slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level})))
}
