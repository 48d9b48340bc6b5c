package model

import (
	"strconv"
	"time"
)

// Stock is the stock of a counted item.
type Stock struct {
	SKU     string
	OnHand  int64
	Restock int64 // one more with every count above zero
}

// MaxStock is the highest stock of one item.
const MaxStock = 1_000_000

// OutOfStock returns the alert for an item whose stock has just reached zero. The alert's id
// depends only on the SKU and the restock, so there is one alert per restock.
func (s Stock) OutOfStock(name string, at time.Time) OutOfStock {
	return OutOfStock{AlertID: DeriveID("out of stock", s.SKU, strconv.FormatInt(s.Restock, 10)), SKU: s.SKU, Name: name, At: at}
}
