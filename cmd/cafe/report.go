package main

import (
	"context"
	"os"
	"time"

	"github.com/urfave/cli/v3"

	"cafe/internal/settings"
	"cafe/internal/settings/calendar"
	"cafe/model"
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
				return wrongUsage("-format %q is not text, html or json", c.String("format"))
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
			return "", wrongUsage("-day: %w", err)
		}
		return day, nil
	}
	settings, err := settings.FromEnv(os.Getenv, calendar.Read)
	if err != nil {
		return "", err
	}
	today := settings.Calendar.DayOf(now)
	if name == "yesterday" {
		return today.AddDays(-1), nil
	}
	return today, nil
}
