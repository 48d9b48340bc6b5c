package model

import (
	"strconv"
	"time"
)

// Waste is what was left over of an item, or spoiled. It is never changed.
type Waste struct {
	ID          string
	SKU, Name   string // the name as the menu had it
	Quantity    int64  // units, 1 to MaxStock
	FromStock   int64  // by how much the stock went down: Quantity, or all there was; 0 for an item that is not counted
	Reason      string
	At          time.Time // when it was told
	BusinessDay Day
	Fingerprint string // see Order.Fingerprint
}

// WasteDraft is what a caller says about waste.
type WasteDraft struct {
	SKU      string
	Quantity int64
	Reason   string
}

// Validate checks the draft by itself. It returns an Invalid with all faults, or nil.
func (d WasteDraft) Validate() error {
	var faults Invalid
	if !ValidID(d.SKU) {
		faults.Add("/sku", "must be 1 to 64 characters of A–Z, a–z, 0–9, _ and -")
	}
	if d.Quantity < 1 || d.Quantity > MaxStock {
		faults.Add("/quantity", "must be from 1 to "+strconv.Itoa(MaxStock))
	}
	faults.CheckText("/reason", d.Reason, 0, MaxNote, true)
	return faults.Err()
}
