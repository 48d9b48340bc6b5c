package cafe

import (
	"context"
	"fmt"
	"sort"
	"strconv"
	"strings"

	"cafe/internal/parallel"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
)

// Customers returns a page of the customers, by id: those from the given id on, and the id
// with which the next page begins, if there is one. It has every customer who ordered, paid or
// was set since v0.2.0; reconcile adds those of before.
func (c *Cafe) Customers(ctx context.Context, from string, limit int) (page []model.Customer, next string, err error) {
	query := table.Query{Partition: records.PartitionCustomers, From: from, Limit: limit + 1}
	var ids []string
	for row, err := range records.Query(ctx, c.table, query) {
		if err != nil {
			return nil, "", fmt.Errorf("list of customers: %w", err)
		}
		if len(ids) == limit {
			next = row.Key.SK
			break
		}
		ids = append(ids, row.Key.SK)
	}
	page, err = c.customersOf(ctx, ids)
	return page, next, err
}

// customersOf returns the customers of these ids, without those who were erased and owe
// nothing.
func (c *Cafe) customersOf(ctx context.Context, ids []string) (list []model.Customer, err error) {
	all := make([]model.Customer, len(ids))
	err = parallel.Each(ctx, len(ids), func(ctx context.Context, i int) (err error) {
		all[i], err = records.Customer(ctx, c.table, ids[i], false)
		return err
	})
	for _, customer := range all {
		if customer.Version > 0 && (customer.ErasedAt.IsZero() || customer.Balance != 0) {
			list = append(list, customer)
		}
	}
	return list, err
}

// Owing returns a page of the customers who owe something, the most first, the place at which
// the next page begins, if there is one, and what all who owe do owe. It reads all customers
// each time, half a read unit each on DynamoDB.
func (c *Cafe) Owing(ctx context.Context, from string, limit int) (page []model.Customer, next string, owed model.Money, err error) {
	var ids []string
	for row, err := range records.Query(ctx, c.table, table.Query{Partition: records.PartitionCustomers}) {
		if err != nil {
			return nil, "", 0, fmt.Errorf("list of customers: %w", err)
		}
		ids = append(ids, row.Key.SK)
	}
	all, err := c.customersOf(ctx, ids)
	if err != nil {
		return nil, "", 0, err
	}
	var owing []model.Customer
	for _, customer := range all {
		if customer.Balance > 0 {
			owing = append(owing, customer)
			owed += customer.Balance
		}
	}
	before := func(balance model.Money, id string, other model.Customer) bool {
		return balance > other.Balance || balance == other.Balance && id < other.ID
	}
	sort.Slice(owing, func(i, j int) bool { return before(owing[i].Balance, owing[i].ID, owing[j]) })
	// A place is a balance and an id, so that the list goes on there even if it has changed.
	if text, id, ok := strings.Cut(from, "#"); ok {
		balance, _ := strconv.ParseInt(text, 10, 64)
		owing = owing[sort.Search(len(owing), func(i int) bool {
			return !before(owing[i].Balance, owing[i].ID, model.Customer{ID: id, Balance: model.Money(balance)})
		}):]
	}
	if len(owing) > limit {
		next = strconv.FormatInt(int64(owing[limit].Balance), 10) + "#" + owing[limit].ID
		owing = owing[:limit]
	}
	return owing, next, owed, nil
}
