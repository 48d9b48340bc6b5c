package imports_test

import (
	"maps"
	"slices"
	"testing"

	"cafe/internal/cafetest"
	"cafe/internal/table"
	"cafe/model"
	"cafe/model/books"
	"cafe/model/pricing"
)

// withTaxes is a till's file that says what its orders' money is made of. The amounts are
// after discounts. The second order is a return, the third says nothing.
const withTaxes = `order_id,date,time,item,quantity,amount,discount,tax,tip,customer_id,payment
1,2017-03-18,09:10,Latte,2,6.30,0.70,1.05,0.50,alice,account
1,2017-03-18,09:10,Tea,1,2.20,,0.37,,alice,account
2,2017-03-18,09:20,Latte,-1,-3.15,-0.35,-0.53,,,
3,2017-03-18,09:30,Brownie,1,3.00,,,,,
`

func TestImportedOrdersHaveTheirDiscountsTaxesAndTips(t *testing.T) {
	contained, onTop := cafetest.VAT("20"), cafetest.VAT("20")
	onTop.Taxes[0].Inclusive = false
	for _, tt := range []struct {
		name           string
		document       *pricing.Document
		balance, spent model.Money // of alice
		revenue, net   model.Money // of the day
		taxNet         model.Money
	}{
		{"no document", nil, 900, 850, 835, 746, 446},
		{"taxes in prices", &contained, 900, 850, 835, 746, 446},
		{"taxes on top", &onTop, 1042, 992, 924, 835, 535},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
				if tt.document != nil {
					cafetest.SetPricing(t, c.Cafe, *tt.document)
				}
				draft := cafetest.ImportDraft(model.ImportOrders)
				cafetest.WantTally(t, c.Bring(t, draft, withTaxes), "done: 4 rows, 3 created, 0 updated, 0 unchanged, 0 rejected, 0 skipped")
				before := cafetest.Stored(t, c.Cafe, "O#")
				cafetest.WantTally(t, c.Bring(t, draft, withTaxes), "done: 4 rows, 0 created, 0 updated, 3 unchanged, 0 rejected, 0 skipped")
				if !maps.EqualFunc(before, cafetest.Stored(t, c.Cafe, "O#"), table.Item.Equal) {
					t.Error("importing the same rows again changed an order")
				}
				c.Post(t, c.Snapshot(t)...)
				c.WantTrue(t)
				cafetest.WantTotals(t, c.Cafe, "alice", tt.balance, tt.spent, 1)
				cafetest.ClockAt(t, c.Cafe, "2017-03-18 21:00")
				r := cafetest.ReadReport(t, c.Cafe, cafetest.Saturday)
				want := []books.Tax{{ID: pricing.TillTax, Name: "Tax", Net: tt.taxNet, Amount: 89}}
				if r.Revenue != tt.revenue || r.Net != tt.net || !slices.Equal(r.Taxes, want) || r.Discounts != 35 || r.Charges != 0 || r.Tips != 50 {
					t.Errorf("revenue %d, net %d, taxes %+v, discounts %d, charges %d, tips %d", r.Revenue, r.Net, r.Taxes, r.Discounts, r.Charges, r.Tips)
				}
			})
		})
	}
}

// Before orders had parts, those columns were not read. The fingerprint is the same, so such
// an order is unchanged, to the byte.
func TestOrdersImportedBeforeTaxesWereReadStayAsTheyAre(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		draft := cafetest.ImportDraft(model.ImportOrders)
		const plain = `order_id,date,time,item,quantity,amount
1,2017-03-18,09:10,Latte,2,6.30
1,2017-03-18,09:10,Tea,1,2.20
`
		const rich = `order_id,date,time,item,quantity,amount,discount,tax,tip
1,2017-03-18,09:10,Latte,2,6.30,0.70,1.05,0.50
1,2017-03-18,09:10,Tea,1,2.20,,0.37,
`
		c.Bring(t, draft, plain)
		before := cafetest.Stored(t, c.Cafe, "O#")
		for _, order := range before {
			if _, priced := order["pricing"]; priced || order.Int("total") != 850 {
				t.Errorf("an order of before: %v", order)
			}
		}
		cafetest.WantTally(t, c.Bring(t, draft, rich), "done: 2 rows, 0 created, 0 updated, 1 unchanged, 0 rejected, 0 skipped")
		if !maps.EqualFunc(before, cafetest.Stored(t, c.Cafe, "O#"), table.Item.Equal) {
			t.Error("an order that was imported before has changed")
		}
		c.Post(t, c.Snapshot(t)...)
		c.WantTrue(t)
	})
}
