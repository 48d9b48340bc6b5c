// Package forecast learns what a café sells, day by day, and says what the next day may
// bring. It is pure and deterministic: the same days give the same numbers, to the bit.
//
// For an owner, in two paragraphs:
//
// Eleven simple forecasts run side by side for every item. Six follow the item's own
// sales; the quickest gives up half of what it knew each day, the slowest two parts in a
// hundred. Two look at the same weekday of the weeks before. Three follow the whole
// café's takings: when all of the café slows down, the item's number goes down with it,
// before its own sales have shown it. Each night all eleven are compared with what was
// sold. Those that came closest in the last weeks, for this item and for all items, have
// the most say in the next number. So the quick ones win within days when a season turns,
// and the steady ones win when nothing happens.
//
// The range comes from the item's own mistakes. If more than two days of ten fell
// outside, it gets wider; if fewer did, it gets narrower. The number to bake starts from
// the number expected. It goes up where a lost sale costs more than a leftover, and down
// where it costs less, by as much as the item's past mistakes ask for. A day on which the
// café was closed, or its till was down, teaches nothing. A day on which an item ran out
// counts for the part that was seen. A holiday teaches what holidays are like, and leaves
// the ordinary days as they were.
//
// A newcomer reads forecast.go (days in, demand out), then item.go (what is known of one
// item), mix.go (the eleven and their say), demand.go (ranges and the number to bake),
// holidays.go, and hours.go (what must be ready by when).
//
// The parts are well known. Exponential smoothing with multiplicative weekdays: Hyndman
// and Athanasopoulos, "Forecasting: Principles and Practice", chapter 8. Weights that
// fall exponentially in past loss: Cesa-Bianchi and Lugosi, "Prediction, Learning, and
// Games", chapter 2. Ranges that are moved by their own misses: Gibbs and Candès,
// "Adaptive Conformal Inference Under Distribution Shift", 2021. The square root that
// makes the spread of counts even: Anscombe, "The transformation of Poisson, binomial and
// negative-binomial data", 1948.
package forecast
