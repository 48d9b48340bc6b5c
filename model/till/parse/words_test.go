package parse

import "testing"

func TestColumnsThatMayHoldMoney(t *testing.T) {
	for name, want := range map[string]bool{
		"Price": true, "Refunded Amount": true, "Void?": true, "netSales": true, "Total (GBP)": true, "Cancelled at": true, "Tip": true, "Discount (%)": true,
		"Tax rate": false, "Cost of goods": false, "Gross profit": false, "Description": false, "Cabinet": false, "Discount Code": false, "Customer name": false, "Category": false, "": false,
	} {
		if got := LooksLikeMoney(name); got != want {
			t.Errorf("%q: got %t", name, got)
		}
	}
}
