package cafe_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"cafe/internal/cafetest"
	"cafe/internal/table/tabletest"
	"cafe/model"
)

// While one reads the menu, others wait for it, as long as they like; and what the process
// changes meanwhile is not forgotten for what was read before.
func TestTheMenuIsReadOnceForAllWhoWait(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	c.Restart() // with nothing in memory
	var begun atomic.Bool
	reading, goOn := make(chan struct{}), make(chan struct{})
	c.Faults.Set(func(call tabletest.Call) tabletest.Fault {
		if call.Method != "Query" || begun.Swap(true) {
			return tabletest.Fault{}
		}
		return tabletest.Fault{Then: func() { close(reading); <-goOn }}
	})
	before := make(chan model.Menu)
	go func() {
		menu, err := c.Menu(ctx)
		if err != nil {
			t.Error(err)
		}
		before <- menu
	}()
	<-reading
	gone, leave := context.WithCancel(ctx)
	leave()
	if _, err := c.Menu(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("who cannot wait got %v", err)
	}
	if _, err := c.SetMenuItem(ctx, model.Item{SKU: "mocha", Name: "Mocha", Price: 400, Active: true}, nil); err != nil {
		t.Fatal(err)
	}
	close(goOn)
	if menu := <-before; menu["mocha"].Active || !menu["tea"].Active {
		t.Errorf("read before the change: %v", menu)
	}
	if menu, err := c.Menu(ctx); err != nil || !menu["mocha"].Active {
		t.Errorf("after the change: %v, %v", menu["mocha"], err)
	}
}
