//go:build linux

package main

import (
	"archive/zip"
	"bytes"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

func ms(d time.Duration) float64 { return float64(d) / 1e6 }
func us(d time.Duration) float64 { return float64(d) / 1e3 }

// quantile sorts a copy and takes the nearest rank.
func quantile(xs []float64, q float64) float64 {
	if len(xs) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(xs))
	return s[min(len(s)-1, int(q*float64(len(s))))]
}

// spread is the median of repetitions, and their range.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

func spreadOf(xs []float64) spread {
	if len(xs) == 0 {
		return spread{}
	}
	return spread{quantile(xs, 0.5), slices.Min(xs), slices.Max(xs)}
}

func (s spread) String() string { return fmt.Sprintf("%.2f [%.2f-%.2f]", s.Median, s.Min, s.Max) }

type size struct {
	File     int64 `json:"file"`
	Stripped int64 `json:"stripped"` // without symbol table and debug info
	Zip      int64 `json:"zip"`
}

// measureSize also takes files that are not ELF (a script as bootstrap).
func measureSize(path string) (size, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return size{}, err
	}
	s := size{File: int64(len(data)), Stripped: int64(len(data))}
	if f, err := elf.NewFile(bytes.NewReader(data)); err == nil {
		for _, sec := range f.Sections {
			if n := sec.Name; n == ".symtab" || n == ".strtab" || strings.HasPrefix(n, ".debug_") {
				s.Stripped -= int64(sec.FileSize)
			}
		}
	}
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	w, err := z.Create("bootstrap")
	if err != nil {
		return s, err
	}
	if _, err := w.Write(data); err != nil {
		return s, err
	}
	if err := z.Close(); err != nil {
		return s, err
	}
	s.Zip = int64(buf.Len())
	return s, nil
}

type coldReport struct {
	Init   spread `json:"init_ms"`
	Total  spread `json:"total_ms"`
	CPU    spread `json:"cpu_ms"`
	Faults spread `json:"page_faults"`
	RSS    spread `json:"peak_rss_mib"`
}

type warmReport struct {
	P50      float64 `json:"p50_us"`
	P90      float64 `json:"p90_us"`
	P99      float64 `json:"p99_us"`
	RoundP50 spread  `json:"round_p50_us"`
	CPU      spread  `json:"cpu_us"`
	Sys      spread  `json:"cpu_sys_us"`
	RSS      spread  `json:"peak_rss_mib"`
}

// result is one target's figures; the lower-case fields hold the raw repetitions.
type result struct {
	Label  string            `json:"label"`
	Path   string            `json:"path"`
	Size   size              `json:"size_bytes"`
	Cold   coldReport        `json:"cold"`
	Warm   warmReport        `json:"warm"`
	Ratio  map[string]spread `json:"ratio_to_first,omitempty"`
	Inits  []initCost        `json:"package_inits,omitempty"`
	Traced *initTotal        `json:"package_inits_total,omitempty"`

	cold struct{ init, total, cpu, faults, rss []float64 }
	warm struct{ all, p50, cpu, sys, rss []float64 }
}

type report struct {
	Targets []*result `json:"targets"`
}

func (r *report) summarise() {
	for _, t := range r.Targets {
		t.Cold = coldReport{spreadOf(t.cold.init), spreadOf(t.cold.total), spreadOf(t.cold.cpu),
			spreadOf(t.cold.faults), spreadOf(t.cold.rss)}
		t.Warm = warmReport{quantile(t.warm.all, 0.5), quantile(t.warm.all, 0.9), quantile(t.warm.all, 0.99),
			spreadOf(t.warm.p50), spreadOf(t.warm.cpu), spreadOf(t.warm.sys), spreadOf(t.warm.rss)}
	}
	first := r.Targets[0]
	for _, t := range r.Targets[1:] {
		t.Ratio = map[string]spread{
			"init": ratio(t.cold.init, first.cold.init), "cold": ratio(t.cold.total, first.cold.total),
			"cold_cpu": ratio(t.cold.cpu, first.cold.cpu),
			"warm":     ratio(t.warm.p50, first.warm.p50), "warm_cpu": ratio(t.warm.cpu, first.warm.cpu),
		}
	}
}

// ratio pairs the repetitions that ran next to each other.
func ratio(a, b []float64) spread {
	var q []float64
	for i := range min(len(a), len(b)) {
		q = append(q, a[i]/b[i])
	}
	return spreadOf(q)
}

func (r *report) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SIZE\tfile KiB\tstripped KiB\tzip KiB")
	for _, t := range r.Targets {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\n", t.Label, t.Size.File>>10, t.Size.Stripped>>10, t.Size.Zip>>10)
	}
	fmt.Fprintln(w, "\nCOLD median [min-max]\tinit ms\ttotal ms\tCPU ms\tpage faults\tpeak RSS MiB")
	for _, t := range r.Targets {
		fmt.Fprintf(w, "%s\t%v\t%v\t%v\t%.0f\t%v\n", t.Label, t.Cold.Init, t.Cold.Total, t.Cold.CPU, t.Cold.Faults.Median, t.Cold.RSS)
	}
	if len(r.Targets[0].warm.all) > 0 {
		fmt.Fprintln(w, "\nWARM\tp50 µs\tp90\tp99\tp50 per round\tCPU µs\tof it sys\tpeak RSS MiB")
		for _, t := range r.Targets {
			fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.1f\t%v\t%v\t%.1f\t%.1f\n", t.Label,
				t.Warm.P50, t.Warm.P90, t.Warm.P99, t.Warm.RoundP50, t.Warm.CPU, t.Warm.Sys.Median, t.Warm.RSS.Median)
		}
	}
	if len(r.Targets) > 1 {
		columns := []string{"init", "cold", "cold_cpu"}
		if len(r.Targets[0].warm.all) > 0 {
			columns = append(columns, "warm", "warm_cpu")
		}
		fmt.Fprintf(w, "\nRATIO to %s\t%s\n", r.Targets[0].Label, strings.Join(columns, "\t"))
		for _, t := range r.Targets[1:] {
			fmt.Fprint(w, t.Label)
			for _, c := range columns {
				fmt.Fprintf(w, "\t%v", t.Ratio[c])
			}
			fmt.Fprintln(w)
		}
	}
	for _, t := range r.Targets {
		if t.Traced == nil {
			continue
		}
		fmt.Fprintf(w, "\nINIT %s: %d packages, %.2f ms\tms\tKiB\tallocs\n", t.Label, t.Traced.Packages, t.Traced.Clock)
		for _, c := range t.Inits {
			fmt.Fprintf(w, "%s\t%.3f\t%d\t%d\n", c.Package, c.Clock, c.Bytes>>10, c.Allocs)
		}
	}
	return w.Flush()
}

// initCost is one line of GODEBUG=inittrace=1.
type initCost struct {
	Package string  `json:"package"`
	Clock   float64 `json:"ms"`
	Bytes   int     `json:"bytes"`
	Allocs  int     `json:"allocs"`
}

type initTotal struct {
	Packages int     `json:"packages"`
	Clock    float64 `json:"ms"`
}

var initLine = regexp.MustCompile(`(?m)^init (\S+) @\S+ ms, (\S+) ms clock, (\d+) bytes, (\d+) allocs`)

// addInitTrace starts every target five times with the trace on (an extra start,
// never a measured one) and keeps, for every package, its median time.
func (r *report) addInitTrace(cfg *config, targets []*target, top int) error {
	traced := *cfg
	traced.env = append(slices.Clone(cfg.env), "GODEBUG=inittrace=1")
	for i, t := range targets {
		clocks, costs := map[string][]float64{}, map[string]initCost{}
		for range 5 {
			p, err := start(&traced, t, 1)
			if err != nil {
				return err
			}
			err = p.wait()
			p.stop()
			if err != nil {
				return fmt.Errorf("%s: %w", t.label, err)
			}
			for _, m := range initLine.FindAllStringSubmatch(p.stderr.String(), -1) {
				clock, _ := strconv.ParseFloat(m[2], 64)
				n, _ := strconv.Atoi(m[3])
				allocs, _ := strconv.Atoi(m[4])
				clocks[m[1]] = append(clocks[m[1]], clock)
				costs[m[1]] = initCost{Package: m[1], Bytes: n, Allocs: allocs}
			}
		}
		res := r.Targets[i]
		res.Traced = &initTotal{Packages: len(costs)}
		for name, c := range costs {
			c.Clock = quantile(clocks[name], 0.5)
			res.Traced.Clock += c.Clock
			res.Inits = append(res.Inits, c)
		}
		slices.SortFunc(res.Inits, func(a, b initCost) int {
			if a.Clock != b.Clock {
				return int((b.Clock - a.Clock) * 1e6)
			}
			return strings.Compare(a.Package, b.Package)
		})
		res.Inits = res.Inits[:min(top, len(res.Inits))]
	}
	return nil
}
