package model

import (
	"strconv"
	"time"
)

// Stock is how much of a counted item is on the shelf.
type Stock struct {
	SKU     string
	OnHand  int64
	Restock int64 // one more with every count that puts something on the shelf
}

// MaxStock is the highest count of one item.
const MaxStock = 1_000_000

// OutOfStock returns the alert for the shelf that has just run empty: one per
// restock, as its id says.
func (s Stock) OutOfStock(name string, at time.Time) OutOfStock {
	return OutOfStock{AlertID: DeriveID("out of stock", s.SKU, strconv.FormatInt(s.Restock, 10)), SKU: s.SKU, Name: name, At: at}
}
