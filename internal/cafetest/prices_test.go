package cafetest_test

import (
	"flag"
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the tables of costs in the documents anew")

// Prices in USD of us-east-1, as of 2026: aws.amazon.com/dynamodb/pricing (on demand),
// /lambda/pricing (arm64), /api-gateway/pricing (REST API, HTTP API), /cloudwatch/pricing,
// /xray/pricing, /ec2/pricing/on-demand (data out, public addresses), /secrets-manager/pricing,
// /fargate/pricing (arm64), /elasticloadbalancing/pricing.
const (
	priceWriteUnit = 0.625 / 1e6
	priceReadUnit  = 0.125 / 1e6
	priceRequest   = 3.50 / 1e6
	priceCall      = 0.20 / 1e6
	priceGBSecond  = 0.0000133334
	priceLogKB     = 0.50 / 1e6
	priceTrace     = 5.00 / 1e6
	priceOutKB     = 0.09 / 1e6
	priceHTTPAPI   = 1.00 / 1e6

	// By the month.
	priceSecret, priceAlarm, priceMetric, priceDashboard = 0.40, 0.10, 0.30, 3.00

	// By the hour.
	priceTaskCPU, priceTaskGB, priceBalancer, priceBalancerUnit, priceIPv4 = 0.03238, 0.00356, 0.0225, 0.008, 0.005

	hours = 730 // a month
)

// What is free every month for good, on the same pages. Others are free for the first year.
const (
	freeCalls, freeGBSeconds        = 1e6, 400_000
	freeLogKB, freeOutKB            = 5e6, 100e6
	freeTraces                      = 100_000
	freeAlarms, freeMetrics, ownMet = 10, 10, 15 // ownMet: the café's own metrics that most months see
)

// What nobody has measured on AWS: how long calls take, in milliseconds, which is mostly the
// wait for DynamoDB; and how much they log.
const (
	apiTime, authorizerTime, ledgerTime = 10, 10, 15
	orderLogKB, ledgerLogKB             = 7.0, 1.0 // of the requests of an order; of a call of the ledger
	answerKB                            = 1.5      // an answer with its headers
	openSeconds                         = 30 * 12 * 3600
)

// traced returns how many of the calls of a month are traced: the first of each second, and
// 5 in 100 of the others (Lambda Developer Guide, "Visualize Lambda function invocations using
// AWS X-Ray"). They are spread at random over twelve hours a day.
func traced(calls float64) float64 {
	first := openSeconds * (1 - math.Exp(-calls/openSeconds))
	return first + 0.05*(calls-first)
}

// An order here is half on a tab, half a walk-in's, of three uncounted items.
const (
	eachMoves, eachReads = 3, 2
	requests             = 1 + eachMoves + eachReads
	ledgerCalls          = 1 + eachMoves // change records, a call of the ledger each
	busyRecords          = 0.2           // calls of the ledger where they come in batches
)

// orderUnits returns what DynamoDB counts for an order.
func orderUnits(use func(name string) capacity) (c capacity) {
	add := func(n float64, name string) {
		cost := use(name)
		c.read += n * cost.read
		c.write += n * cost.write
	}
	add(0.5, placeOnTab)
	add(0.5, placeWalkIn)
	add(0.5*eachMoves, moveOnTab)
	add(0.5*eachMoves, moveWalkIn)
	add(0.5, postOnTab)
	add(0.5, postWalkIn)
	add(eachReads, readOrder)
	return c
}

// price is what orders cost, in USD.
type price struct{ requests, writes, reads, lambda, logs, traces, out float64 }

func (p price) total() float64 {
	return p.requests + p.writes + p.reads + p.lambda + p.logs + p.traces + p.out
}

// priceOf returns the price of that many orders, each with so many calls of the ledger.
// memory is what the functions have, in MB.
func priceOf(orders float64, each capacity, ledgerCalls float64, memory func(function string) float64) price {
	calls := requests + 1 + ledgerCalls
	return price{
		requests: orders * requests * priceRequest,
		writes:   orders * each.write * priceWriteUnit,
		reads:    orders * each.read * priceReadUnit,
		lambda:   orders * (calls*priceCall + gbSeconds(ledgerCalls, memory)*priceGBSecond),
		logs:     orders * (orderLogKB + ledgerCalls*ledgerLogKB) * priceLogKB,
		traces:   (traced(orders*requests) + traced(orders*ledgerCalls)) * priceTrace,
		out:      orders * requests * answerKB * priceOutKB,
	}
}

// freeOf returns what of the price of a month is free for good.
func freeOf(p price, orders, ledgerCalls float64, memory func(function string) float64) float64 {
	calls := orders * (requests + 1 + ledgerCalls)
	return min(calls, freeCalls)*priceCall + min(orders*gbSeconds(ledgerCalls, memory), freeGBSeconds)*priceGBSecond +
		min(p.logs, freeLogKB*priceLogKB) + min(p.traces, freeTraces*priceTrace) + min(p.out, freeOutKB*priceOutKB) +
		freeAlarms*priceAlarm + freeMetrics*priceMetric + priceDashboard
}

// alarmFigures counts the figures that the alarms of the template watch by default: each costs
// as much as an alarm.
func alarmFigures(t testing.TB) (n int) {
	template, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, alarm := range regexp.MustCompile(`(?m)^  \w+:\n    Type: AWS::CloudWatch::Alarm\n((?:    .*\n)+)`).FindAllStringSubmatch(string(template), -1) {
		if strings.HasPrefix(alarm[1], "    Condition:") {
			continue
		}
		n += max(1, strings.Count(alarm[1], "MetricStat:"))
	}
	if n < 10 {
		t.Fatalf("%d figures cannot be all", n)
	}
	return n
}

// front is what stands between callers and the table, with its price for so many orders a
// month.
type front struct {
	name  string
	price func(orders float64, memory func(function string) float64) float64
}

var fronts = []front{
	{"REST API and Lambda (the template)", func(orders float64, memory func(string) float64) float64 {
		return orders*requests*priceRequest + functionsOf(orders, memory)
	}},
	{"HTTP API and Lambda", func(orders float64, memory func(string) float64) float64 {
		return orders*requests*priceHTTPAPI + functionsOf(orders, memory)
	}},
	{"a load balancer and `cafe serve -table` on Fargate", func(orders float64, _ func(string) float64) float64 {
		// Two tasks of 0.25 processors and 0.5 GB in two zones, so that one may fail; above ten
		// orders a second four of 1 and 2. A unit of the balancer is 25 new connections a second,
		// and callers here keep theirs for ten requests. Each task and zone has an address.
		tasks, cpu, gb := 2.0, 0.25, 0.5
		if orders/openSeconds > 10 {
			tasks, cpu, gb = 4, 1, 2
		}
		units := max(1, orders*requests/openSeconds/10/25)
		return hours * (tasks*(cpu*priceTaskCPU+gb*priceTaskGB) + priceBalancer + units*priceBalancerUnit + (tasks+2)*priceIPv4)
	}},
}

// functionsOf is the price of the API's and the authorizer's calls.
func functionsOf(orders float64, memory func(string) float64) float64 {
	return orders * ((requests+1)*priceCall + gbSeconds(0, memory)*priceGBSecond)
}

// gbSeconds are those of an order.
func gbSeconds(ledgerCalls float64, memory func(function string) float64) float64 {
	of := func(calls float64, milliseconds float64, function string) float64 {
		return calls * milliseconds / 1000 * memory(function) / 1024
	}
	return of(requests, apiTime, "ApiFunction") + of(1, authorizerTime, "AuthorizerFunction") + of(ledgerCalls, ledgerTime, "LedgerFunction")
}

func unitsOf(t testing.TB) func(name string) capacity {
	return func(name string) capacity {
		for _, use := range units {
			if use.name == name {
				return use.capacity
			}
		}
		t.Fatalf("%s is not in the table of units", name)
		return capacity{}
	}
}

// memoryOf reads the functions' memory from the template.
func memoryOf(t testing.TB) func(function string) float64 {
	template, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return func(function string) float64 {
		found := regexp.MustCompile(`(?s)\n  ` + function + `:\n.*?MemorySize: (\d+)`).FindSubmatch(template)
		if found == nil {
			t.Fatalf("%s has no MemorySize", function)
		}
		mb, _ := strconv.ParseFloat(string(found[1]), 64)
		return mb
	}
}

func TestPriceOfAnOrder(t *testing.T) {
	memory := func(string) float64 { return 1024 }
	of := func(name string) capacity {
		return map[string]capacity{
			placeOnTab: {0, 4}, placeWalkIn: {0, 2}, moveOnTab: {2, 2}, moveWalkIn: {0, 2},
			postOnTab: {1, 3}, postWalkIn: {0, 1}, readOrder: {0.5, 0},
		}[name]
	}
	each := orderUnits(of)
	if want := (capacity{read: 3 + 0.5 + 1, write: 3 + 6 + 2}); each != want {
		t.Errorf("an order costs %+v, want %+v", each, want)
	}
	got := priceOf(1_000_000, each, 4, memory)
	want := price{
		requests: 21, writes: 11 * 0.625, reads: 4.5 * 0.125, lambda: 11*0.2 + 130_000*0.0000133334, logs: 11_000_000 * 0.5 / 1e6,
		out: 6_000_000 * 1.5 * 0.09 / 1e6, traces: got.traces,
	}
	// Of a call a day each is the first of its second; of very many 5 in 100 are traced.
	if few, many := traced(30), traced(1e12); math.Abs(few-30) > 0.01 || math.Abs(many/1e12-0.05) > 0.001 {
		t.Errorf("of 30 calls %g are traced, of 1e12 %g", few, many)
	}
	if math.Abs(got.total()-want.total()) > 1e-9 || math.Abs(got.lambda-want.lambda) > 1e-9 {
		t.Errorf("a million cost %+v, want %+v", got, want)
	}
}

// cafés of several sizes. Where changes come in batches, the ledger is called less.
var cafés = []struct {
	name        string
	orders      float64 // a month
	ledgerCalls float64
	digits      int
}{
	{"a café of 200 orders a day", 6_000, ledgerCalls, 2},
	{"a chain of 50 such cafés", 300_000, ledgerCalls, 2},
	{"a million orders a day", 30_000_000, busyRecords, 0},
}

// The documents tell costs that follow from the table of units: with -update, the test puts
// them there.
func TestPricesInTheDocuments(t *testing.T) {
	each, memory := orderUnits(unitsOf(t)), memoryOf(t)
	alarms := alarmFigures(t)
	idle := priceSecret + float64(alarms)*priceAlarm + ownMet*priceMetric + priceDashboard
	var monthly, usage, all, choice, idleCosts strings.Builder

	row(&monthly, "", "orders a month", "requests", "DynamoDB", "Lambda", "logs", "X-Ray", "data out", "idle", "a month, USD", "of it free")
	row(&monthly, "---", "---", "---", "---", "---", "---", "---", "---", "---", "---", "---")
	row(&choice, "USD a month", cafés[0].name, cafés[1].name, cafés[2].name)
	row(&choice, "---", "---", "---", "---")
	for _, c := range cafés {
		p := priceOf(c.orders, each, c.ledgerCalls, memory)
		usd := func(n float64) string { return grouped(strconv.FormatFloat(n, 'f', c.digits, 64)) }
		row(&monthly, c.name, grouped(fmt.Sprint(int(c.orders))), usd(p.requests), usd(p.writes+p.reads), usd(p.lambda), usd(p.logs), usd(p.traces), usd(p.out),
			fmt.Sprintf("%.2f", idle), "**"+usd(p.total()+idle)+"**", usd(freeOf(p, c.orders, c.ledgerCalls, memory)))
	}
	for _, f := range fronts {
		cells := []string{f.name}
		for _, c := range cafés {
			cells = append(cells, grouped(strconv.FormatFloat(f.price(c.orders, memory), 'f', c.digits, 64)))
		}
		row(&choice, cells...)
	}
	row(&idleCosts, "an idle stack", "USD a month")
	row(&idleCosts, "---", "---")
	row(&idleCosts, "the secret of cursors (with `Identity=secret` another one)", fmt.Sprintf("%.2f", priceSecret))
	row(&idleCosts, fmt.Sprintf("%d figures that alarms watch; %d are free", alarms, freeAlarms), fmt.Sprintf("%.2f", float64(alarms)*priceAlarm))
	row(&idleCosts, fmt.Sprintf("some %d metrics of its own; %d are free", ownMet, freeMetrics), fmt.Sprintf("%.2f", ownMet*priceMetric))
	row(&idleCosts, "the dashboard; an account's first three are free while each names up to 50 metrics, as this one does", fmt.Sprintf("%.2f", priceDashboard))

	of, million := unitsOf(t), priceOf(1_000_000, each, ledgerCalls, memory)
	row(&usage, "what an order uses", "", "USD a million orders")
	row(&usage, "---", "---", "---")
	row(&usage, fmt.Sprintf("place at %g or %g, %d moves at %g or %g, post at %g or %g", of(placeOnTab).write, of(placeWalkIn).write,
		eachMoves, of(moveOnTab).write, of(moveWalkIn).write, of(postOnTab).write, of(postWalkIn).write),
		fmt.Sprintf("%g write units", each.write), fmt.Sprintf("%.2f", million.writes))
	row(&usage, fmt.Sprintf("%d moves at %g, post at %g or %g, %d reads at %g", eachMoves, of(moveOnTab).read, of(postOnTab).read, of(postWalkIn).read,
		eachReads, of(readOrder).read), fmt.Sprintf("%g read units", each.read), fmt.Sprintf("%.2f", million.reads))
	row(&usage, "API Gateway", fmt.Sprintf("%d requests", requests), fmt.Sprintf("%.2f", million.requests))
	row(&usage, fmt.Sprintf("Lambda: %d calls of the API, 1 of the authorizer, %d of the ledger (%g when busy: changes come in batches)", requests, ledgerCalls, busyRecords),
		fmt.Sprintf("%d calls, %.3f GB-seconds", requests+1+ledgerCalls, gbSeconds(ledgerCalls, memory)), fmt.Sprintf("%.2f", million.lambda))
	row(&usage, fmt.Sprintf("%d lines of the API's access log, those of Lambda with `PlatformLogLevel=INFO`, and the ledger's", requests),
		fmt.Sprintf("%.0f KB", orderLogKB+ledgerLogKB*ledgerCalls), fmt.Sprintf("%.2f", million.logs))

	row(&all, "use case", "read units", "write units", "at most")
	row(&all, "---", "---", "---", "---")
	for _, use := range units {
		most := ""
		if use.most != nil {
			var parts []string
			if !math.IsInf(use.most.read, 1) {
				parts = append(parts, fmt.Sprintf("%g read", use.most.read))
			}
			if !math.IsInf(use.most.write, 1) {
				parts = append(parts, fmt.Sprintf("%g write", use.most.write))
			}
			most = strings.Join(parts, ", ")
		}
		row(&all, use.name, fmt.Sprintf("%g", use.read), fmt.Sprintf("%g", use.write), most)
	}

	documented(t, "../../docs/aws.md", "costs of an order", usage.String())
	documented(t, "../../docs/aws.md", "monthly costs", monthly.String())
	documented(t, "../../docs/aws.md", "units", all.String())
	documented(t, "../../docs/aws.md", "idle costs", idleCosts.String())
	documented(t, "../../docs/aws.md", "costs of the front", choice.String())
}

func row(b *strings.Builder, cells ...string) {
	b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

// grouped puts commas into a number: 1,082.
func grouped(n string) string {
	whole, rest, _ := strings.Cut(n, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if rest != "" {
		whole += "." + rest
	}
	return whole
}

// documented wants the text in the document, between marks of that name.
func documented(t *testing.T, file, name, want string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- "+name+", computed: go test ./internal/cafetest -run Prices -update -->\n", "<!-- end of "+name+" -->"
	before, rest, found := strings.Cut(string(text), begin)
	got, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no marks for %s", file, name)
	}
	if got == want {
		return
	}
	if !*update {
		t.Errorf("%s: %s are\n%s\nand what the units cost is\n%s", file, name, got, want)
		return
	}
	if err := os.WriteFile(file, []byte(before+begin+want+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
