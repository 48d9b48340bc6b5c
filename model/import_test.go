package model

import (
	"errors"
	"testing"
)

func TestAnImportsPaymentIsAccountOrCounter(t *testing.T) {
	for payment, good := range map[PaymentTerms]bool{"": true, TermsCounter: true, TermsAccount: true, "card": false, "open": false} {
		err := ImportDraft{Kind: ImportOrders, Name: "till.csv", Source: "till", Payment: payment}.Validate()
		var faults Invalid
		if errors.As(err, &faults) == good || !good && (len(faults) != 1 || faults[0].Field != "/payment") {
			t.Errorf("%q: %v", payment, err)
		}
	}
}
