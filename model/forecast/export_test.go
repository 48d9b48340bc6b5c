package forecast

// knobs are the constants that may be halved and doubled, by name.
var knobs = map[string]func(*tuning) *float64{
	"factorPrior":  func(t *tuning) *float64 { return &t.factorPrior },
	"sharp":        func(t *tuning) *float64 { return &t.sharp },
	"own":          func(t *tuning) *float64 { return &t.own },
	"clip":         func(t *tuning) *float64 { return &t.clip },
	"stops":        func(t *tuning) *float64 { return &t.stops },
	"returns":      func(t *tuning) *float64 { return &t.returns },
	"habit":        func(t *tuning) *float64 { return &t.habit },
	"doubt":        func(t *tuning) *float64 { return &t.doubt },
	"spread":       func(t *tuning) *float64 { return &t.spread },
	"spreadPrior":  func(t *tuning) *float64 { return &t.spreadPrior },
	"lean":         func(t *tuning) *float64 { return &t.lean },
	"leanBySpread": func(t *tuning) *float64 { return &t.leanBySpread },
}

// Knobs returns the names of the constants that may be halved and doubled.
func Knobs() (names []string) {
	for name := range knobs {
		names = append(names, name)
	}
	return names
}

// NewTurned returns a forecaster with one constant multiplied.
func NewTurned(knob string, by float64) *Forecaster {
	t := tuned
	*knobs[knob](&t) *= by
	return t.new(Costs{}, nil)
}
