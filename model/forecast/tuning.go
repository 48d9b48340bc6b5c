package forecast

// The eleven forecasts, in the order of mix.part.
const (
	levels   = 6 // of the item's own sales
	weeklies = 2 // of the same weekday
	shareds  = 3 // of the item's share in the café
	experts  = levels + weeklies + shareds
)

// tuning holds the forecaster's constants. A "keep" is the part of what is known that
// outlives one more observation.
type tuning struct {
	level  [levels]float64   // keeps of the item's own levels, a day
	weekly [weeklies]float64 // keeps of a weekday's level, a week
	shared [shareds]struct{ item, cafe float64 }

	// A weekday's factor of an item is drawn to that of all items as if by so many units
	// sold, and that of all items to 1 likewise. It keeps so much a week.
	factorPrior, factorKeep float64

	// A forecast's say is exp(-sharp × (its loss / the least loss - 1)). Losses keep so
	// much a day; own is the part that the item's own losses have in it.
	sharp, lossKeep, own float64

	// Sales further from the expected than so many times their spread count as that far
	// when levels are learnt.
	clip float64

	// The daily chances that an item goes off the counter and comes back, until as many
	// days as habit have told otherwise. A day without a sale is judged by a spread of
	// at least doubt.
	stops, returns, habit, doubt float64

	// Demand's relative variance beyond Poisson's: at first, for how many units of
	// evidence, how much of the evidence is kept a day, and its bounds.
	spread, spreadPrior, spreadKeep, leastSpread, mostSpread float64

	// A range's width moves by so much for a miss, of the item and of all items.
	widen, widenAll float64
	// The number to bake moves by so much for a day that it fell short.
	shift float64
	// Counts lean to the right: the middle of demand lies so far below its mean, and so
	// much of spread × mean more. Poisson's middle lies a third below, and rounding gives
	// half of that back; a gamma distribution's lies a third of spread × mean below.
	lean, leanBySpread float64

	// A holiday's effect is drawn to the ordinary by so many days, and an item's to the
	// café's by so many units.
	holidayDays, holidayUnits float64

	// The least part of a day's demand that an item which ran out is said to have seen:
	// what sells in the first minutes is no measure of a whole day.
	leastSeen float64

	// After so many days without an open one, what was known counts for a part only.
	longGap  int
	afterGap float64
}

// tuned was chosen on two cafés' early days: the bakery from March to December 2021, and
// The Bread Basket from 27 November 2016 to 4 March 2017. docs/forecast.md has what came
// of it on the days after. TestOtherConstantsWouldHaveDoneNoBetter shows that no constant
// matters much.
var tuned = tuning{
	level:  [levels]float64{0.5, 0.65, 0.78, 0.87, 0.94, 0.98},
	weekly: [weeklies]float64{0.3, 0.8},
	shared: [shareds]struct{ item, cafe float64 }{{0.9, 0.1}, {0.97, 0.3}, {0.98, 0.6}},

	factorPrior: 45, factorKeep: 0.985,
	sharp: 16, lossKeep: 0.97, own: 0.6,
	clip:  3.5,
	stops: 0.03, returns: 0.05, habit: 20, doubt: 0.4,

	spread: 0.1, spreadPrior: 3, spreadKeep: 0.985, leastSpread: 0.005, mostSpread: 0.5,
	widen: 0.15, widenAll: 0.05, shift: 0.02,
	lean: 1.0 / 6, leanBySpread: 0.2,

	holidayDays: 1, holidayUnits: 30,
	leastSeen: 0.1,
	longGap:   28, afterGap: 0.25,
}
