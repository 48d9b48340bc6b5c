package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/urfave/cli/v3"

	"cafe/internal/auth"
	"cafe/internal/durable"
	"cafe/internal/settings"
	"cafe/model"
)

// tokensFile is the file in the data folder that holds the lines to try where they are not
// printed.
const tokensFile = "tokens.txt"

// welcome prints what one needs to begin. That it prints the address means that the café
// takes requests. Where the output is no terminal it may be kept, or be read by others: the
// lines with tokens go to a file then, which only its owner can read.
func welcome(out io.Writer, data, url string, s settings.Settings, issuer *auth.Issuer) error {
	var lines bytes.Buffer
	if err := tries(&lines, url, s, issuer); err != nil {
		return err
	}
	file, isFile := out.(*os.File)
	if isFile && isatty.IsTerminal(file.Fd()) {
		fmt.Fprintf(out, "%s is open. Try it:\n\n%s", s.Name, &lines)
	} else {
		path := filepath.Join(data, tokensFile)
		if err := durable.Write(path, &lines); err != nil {
			return fmt.Errorf("tokens to try: %w", err)
		}
		fmt.Fprintf(out, "%s is open. Lines to try, with a token of each role, are in %s, which only its owner can read.\n", s.Name, path)
	}
	fmt.Fprintf(out, "The API is described at %s/docs. Ctrl-C closes the café.\n", url)
	_, err := fmt.Fprintf(out, "listening on %s\n", url)
	return err
}

// tries writes a line to try for each role, with a token that is good for a day.
func tries(out io.Writer, url string, s settings.Settings, issuer *auth.Issuer) error {
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
	return nil
}

func versionCommand() *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "print the version",
		Action: func(_ context.Context, c *cli.Command) error {
			if err := noArguments(c); err != nil {
				return err
			}
			_, err := fmt.Fprintln(c.Root().Writer, version())
			return err
		},
	}
}

// version returns the version of the program.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	return versionIn(info)
}

// versionIn returns what was built: the module's version, which the Go tool takes from the
// tag or the commit; or else the commit; or "devel" when nothing is known.
func versionIn(info *debug.BuildInfo) string {
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value[:min(12, len(s.Value))]
		}
	}
	return "devel"
}
