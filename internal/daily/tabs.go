package daily

import (
	"context"
	"fmt"

	"cafe/internal/parallel"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model/report"
)

// mostTabs is of how many customers a report adds up the tabs: each is half a read unit on
// DynamoDB. A café with more asks GET /customers?owing=true.
const mostTabs = 200

// tabs returns what customers owe, or nil when nobody does, or there are too many customers.
func (r *Reporter) tabs(ctx context.Context) (*report.Tabs, error) {
	var ids []string
	for row, err := range records.Query(ctx, r.table, table.Query{Partition: records.PartitionCustomers, Limit: mostTabs + 1}) {
		if err != nil {
			return nil, fmt.Errorf("list of customers: %w", err)
		}
		if ids = append(ids, row.Key.SK); len(ids) > mostTabs {
			return nil, nil
		}
	}
	each := make([]report.Tabs, len(ids))
	err := parallel.Each(ctx, len(ids), func(ctx context.Context, i int) error {
		customer, err := records.Customer(ctx, r.table, ids[i], false)
		if err == nil && customer.Balance > 0 {
			each[i] = report.Tabs{Owed: customer.Balance, Customers: 1}
		}
		if records.IsUnreadable(err) {
			return nil // reconcile names it
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("tabs: %w", err)
	}
	var all report.Tabs
	for _, t := range each {
		if all.Owed, err = all.Owed.Add(t.Owed); err != nil {
			return nil, fmt.Errorf("tabs: %w", err)
		}
		all.Customers += t.Customers
	}
	if all.Customers == 0 {
		return nil, nil
	}
	return &all, nil
}
