package imports_test

import (
	"testing"

	"cafe/internal/cafetest"
	"cafe/internal/table"
	"cafe/model"
)

// A count of none is no restock: nothing was put on the shelf.
func TestAnImportedCountOfNoneIsNoRestock(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		restocks := func() int64 {
			return cafetest.Stored(t, c.Cafe, "S#")[table.Key{PK: "S#brownie", SK: "S"}].Int("restock")
		}
		before := restocks()
		for _, step := range []struct {
			file string
			more int64
		}{{"sku,on_hand\nbrownie,5\n", 1}, {"sku,on_hand\nbrownie,0\n", 1}, {"sku,on_hand\nbrownie,1\n", 2}} {
			c.Bring(t, cafetest.ImportDraft(model.ImportStock), step.file)
			if got := restocks() - before; got != step.more {
				t.Errorf("after %q: %d restocks, want %d", step.file, got, step.more)
			}
		}
	})
}
