package records_test

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
)

// TestHistoriesAndPaymentsAreReadAsTheyWereStored stores any history with any payments.
func TestHistoriesAndPaymentsAreReadAsTheyWereStored(t *testing.T) {
	whats := []model.Happening{model.WasAmended, model.WasPaid, model.WasPreparing, model.WasReady, model.WasCollected, model.WasCollectedUnpaid,
		model.WasCancelled, model.WasPartlyRefunded, model.WasRefunded, model.WasErased}
	rapid.Check(t, func(t *rapid.T) {
		placed := time.UnixMicro(rapid.Int64Range(1_700_000_000_000_000, 1_900_000_000_000_000).Draw(t, "placed")).UTC()
		o := model.Order{ID: "o", CustomerID: model.WalkIn, Payment: model.TermsOpen, Status: model.StatusPlaced, Lines: []model.Line{{SKU: "tea", Name: "Tea", Quantity: 1, UnitPrice: 5, Total: 5}},
			Total: 5, Currency: "GBP", PlacedAt: placed, UpdatedAt: placed, BusinessDay: "2026-11-28", Version: 1, Posting: 1}
		o.Reckoning.Subtotal = 5
		who := func() (string, model.Role) {
			return rapid.SampledFrom([]string{"sam", "olive", "", "a|b%7C%", "ü /x y", "1d3c5a0e-64d8-4f0a-9a55-3f0d2ad1d2c1"}).Draw(t, "by"),
				rapid.SampledFrom([]model.Role{"", model.RoleStaff, model.RoleOwner, model.RoleCustomer}).Draw(t, "role")
		}
		step := func(version int64, what model.Happening, at time.Time) model.Step {
			s := model.Step{Version: version, What: what, At: at}
			if s.By, s.Role = who(); s.Role == "" {
				s.By = ""
			}
			return s
		}
		if rapid.Bool().Draw(t, "known from the first") {
			o.History = []model.Step{step(1, model.WasPlaced, placed)}
		} else {
			o.Version = rapid.Int64Range(1, 40).Draw(t, "version")
		}
		at := placed.Truncate(time.Millisecond)
		for range rapid.IntRange(0, 30).Draw(t, "changes") {
			o.Version++
			at = at.Add(time.Duration(rapid.Int64Range(0, 1<<32).Draw(t, "later")) * time.Millisecond)
			o.History = model.Recorded(o.History, step(o.Version, rapid.SampledFrom(whats).Draw(t, "what"), at))
		}
		for i := range rapid.IntRange(0, 3).Draw(t, "payments") {
			p := model.OrderPayment{ID: model.OwnPaymentID("o", i), Method: model.MethodCash, Amount: 1, Day: o.BusinessDay, At: placed}
			if len(o.History) > 0 && o.History[0].Version == 1 {
				p.By, p.Role = o.History[0].By, o.History[0].Role
			}
			if rapid.Bool().Draw(t, "later") {
				p = model.OrderPayment{ID: "p", Method: model.MethodCard, Amount: 2, Tip: 3, Rounding: -1, Given: 9, Reference: "r", Day: "2026-11-29", At: placed.Add(time.Hour), Fingerprint: "f"}
				p.By, p.Role = who()
			}
			o.Payments = append(o.Payments, p)
		}
		read, err := records.DecodeOrder(records.OrderKey("o"), records.EncodeOrder(o))
		if err != nil || !reflect.DeepEqual(read.History, o.History) || !reflect.DeepEqual(read.Payments, o.Payments) {
			t.Fatalf("%v\nread   %+v %+v\nstored %+v %+v\nas %s", err, read.History, read.Payments, o.History, o.Payments, records.EncodeOrder(o).Str("history"))
		}
	})
}

// TestAHistoryThatIsNoneIsUnreadable never panics.
func TestAHistoryThatIsNoneIsUnreadable(t *testing.T) {
	o := model.Order{ID: "o", CustomerID: model.WalkIn, Payment: model.TermsOpen, Status: model.StatusPlaced, Lines: []model.Line{{SKU: "tea", Name: "Tea", Quantity: 1}},
		Currency: "GBP", PlacedAt: time.Unix(1, 0), UpdatedAt: time.Unix(1, 0), BusinessDay: "2026-11-28", Version: 1, Posting: 1}
	for _, text := range []string{" ", "?0", "o1", "o0", "ox", "o0+", "o0+!", "x:o", "o0  o0|staff/sam", "3:", ":o", "f-|"} {
		item := records.EncodeOrder(o)
		item["history"] = table.String(text)
		if _, err := records.DecodeOrder(records.OrderKey("o"), item); !records.IsUnreadable(err) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
