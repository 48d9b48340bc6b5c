package report

import (
	"cmp"
	"math"

	"cafe/model"
)

// PairDays is how many days "bought together" rests on, the report's included: four weeks.
const PairDays = 28

// Two items are a pair when at least so many orders of four weeks had both, that is so many
// times what chance would give, and so many standard deviations above it; and of those the
// first few. A count that comes by chance varies by its root.
const (
	leastTogether = 10
	leastLift     = 1.2
	leastSure     = 3
	mostPairs     = 5
)

// Baskets counts what the orders of a day, or of several, had in them.
type Baskets struct {
	Orders   int64
	With     map[string]int64    // orders that had the item, by SKU
	Together map[[2]string]int64 // orders that had both, the lesser SKU first
	Cut      bool                // rare pairs are left out: Together may count too few
}

// CountBaskets counts the orders that sold something.
func CountBaskets(entries []model.Entry) Baskets {
	b := Baskets{With: map[string]int64{}, Together: map[[2]string]int64{}}
	for _, e := range entries {
		if !e.IsSale() {
			continue
		}
		b.Orders++
		for i, item := range e.Items {
			b.With[item.SKU]++
			for _, other := range e.Items[i+1:] {
				b.Together[[2]string{min(item.SKU, other.SKU), max(item.SKU, other.SKU)}]++
			}
		}
	}
	return b
}

// Add adds the baskets of other days.
func (b *Baskets) Add(other Baskets) {
	if b.With == nil {
		b.With, b.Together = map[string]int64{}, map[[2]string]int64{}
	}
	b.Orders, b.Cut = b.Orders+other.Orders, b.Cut || other.Cut
	for sku, n := range other.With {
		b.With[sku] += n
	}
	for ab, n := range other.Together {
		b.Together[ab] += n
	}
}

// pairs ranks by how many more orders had both than chance would give, so that neither the
// common nor the rare win by being so. An item that is off the menu is in no pair.
func (b Baskets) pairs(menu model.Menu) []Pair {
	chance := func(p Pair) float64 { return float64(b.With[p.A]) * float64(b.With[p.B]) / float64(b.Orders) }
	list := []Pair{}
	for ab, n := range b.Together {
		p := Pair{A: ab[0], B: ab[1], NameA: name(menu, ab[0]), NameB: name(menu, ab[1]), Orders: n, AtLeast: b.Cut}
		p.Lift = math.Round(float64(n)/chance(p)*100) / 100
		if n >= leastTogether && p.Lift >= leastLift && float64(n)-chance(p) >= leastSure*math.Sqrt(chance(p)) && menu[p.A].Active && menu[p.B].Active {
			list = append(list, p)
		}
	}
	sortBy(list, func(p, q Pair) int {
		return cmp.Or(cmp.Compare(float64(q.Orders)-chance(q), float64(p.Orders)-chance(p)), cmp.Compare(p.A, q.A), cmp.Compare(p.B, q.B))
	})
	return list[:min(len(list), mostPairs)]
}
