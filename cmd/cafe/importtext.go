package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"cafe/model"
)

// listed is how many problems are printed.
const listed = 10

// summarize prints what came of an import.
func summarize(w io.Writer, draft importDraft, r importResult) {
	thing := thingOf(draft.Kind)
	fmt.Fprintf(w, "%s: %s rows", draft.Name, grouped(r.Rows))
	if r.SkippedRows > 0 {
		fmt.Fprintf(w, ", %s of them passed over", grouped(r.SkippedRows))
	}
	fmt.Fprintln(w)
	if draft.DryRun {
		fmt.Fprintln(w, "A dry run: nothing was stored. It would be")
	}
	for _, line := range []struct {
		n    int64
		what string
		show bool
	}{
		{r.Created, "created", true},
		{r.Updated, "updated", draft.Kind != string(model.ImportOrders)},
		{r.Unchanged, "unchanged", true},
		{r.Rejected, "rejected", true},
	} {
		if line.show {
			fmt.Fprintf(w, "%10s %s %s\n", grouped(line.n), plural(line.n, thing), line.what)
		}
	}
	summarizeFile(w, r)
	if r.Created > 0 && !draft.DryRun {
		fmt.Fprintf(w, "\nTo take it back: cafe import -undo %s\n", r.ID)
	}
	if r.Rejected == 0 {
		return
	}
	fmt.Fprintln(w, "\nRejected:")
	for _, e := range r.Errors[:min(len(r.Errors), listed)] {
		fmt.Fprintf(w, "  line %-6d %s\n", e.Line, e.Reason)
	}
	if len(r.Errors) > listed {
		fmt.Fprintln(w, "  … and more in the rejects file")
	}
	fmt.Fprintf(w, "\nThe rejected rows, each with its reason, are here for an hour:\n  %s\nand for 30 days by: cafe import -rejects %s\nMend them and import that file: what went in already stays as it is.\n", r.RejectsURL, r.ID)
}

// daysListed is up to how many days the totals are printed by day; beyond, by month.
const daysListed = 31

// summarizeFile prints what was read of the file: totals by day, columns and notes.
func summarizeFile(w io.Writer, r importResult) {
	if t := r.Totals; t != nil {
		fmt.Fprintf(w, "\nThe file's totals, to compare with the till: %s %s, %s\n", grouped(t.Orders), plural(t.Orders, "order"), t.Revenue.Format(t.Currency))
		for _, d := range byPeriod(t.ByDay) {
			fmt.Fprintf(w, "  %-10s %9s %-6s %14s\n", d.Day, grouped(d.Orders), plural(d.Orders, "order"), d.Revenue.Format(t.Currency))
		}
	}
	if r.Columns == nil {
		return
	}
	var read []string
	for _, thing := range slices.Sorted(maps.Keys(r.Columns.Read)) {
		read = append(read, r.Columns.Read[thing]+" as "+thing)
	}
	fmt.Fprintf(w, "\nColumns read: %s\n", strings.Join(read, ", "))
	if len(r.Columns.NotRead) > 0 {
		fmt.Fprintf(w, "Columns not read: %s\n", strings.Join(r.Columns.NotRead, ", "))
	}
	if len(r.Notes) > 0 {
		fmt.Fprintln(w, "\nNotes:")
	}
	for _, note := range r.Notes {
		fmt.Fprintf(w, "  - %s\n", note)
	}
}

// byPeriod sums many days up by month.
func byPeriod(days []importDay) []importDay {
	if len(days) <= daysListed {
		return days
	}
	var months []importDay
	for _, d := range days {
		month := d.Day[:min(len(d.Day), len("2016-10"))]
		if len(months) == 0 || months[len(months)-1].Day != month {
			months = append(months, importDay{Day: month})
		}
		last := &months[len(months)-1]
		last.Orders += d.Orders
		last.Revenue += d.Revenue
	}
	return months
}

// plural returns the word for so many things.
func plural(n int64, thing string) string {
	if n == 1 {
		return thing
	}
	return thing + "s"
}

// grouped writes a number with commas between the thousands.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
