package imports

import (
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
)

// attrHeardAt is when a running import last stored its progress.
const attrHeardAt = "told_at"

// encode returns an import that waits for its file as it is stored.
func encode(im model.Import) table.Item {
	ignore := make([]table.Value, len(im.Ignore))
	for i, name := range im.Ignore {
		ignore[i] = table.String(name)
	}
	item := table.Item{
		"kind":              table.String(string(im.Kind)),
		"name":              table.String(im.Name),
		"source":            table.String(im.Source),
		"by":                table.String(string(im.By)),
		"status":            table.String(string(im.Status)),
		"created_at":        records.Time(im.CreatedAt),
		records.AttrExpires: records.Expires(im.CreatedAt.Add(Life)),
		table.AttrIndex2:    table.String(records.PartitionImports),
		table.AttrSort:      table.String(records.TimeSort(im.CreatedAt, im.ID)),
		attrSpans:           encodeSpans(nil),
	}
	if len(ignore) > 0 {
		item["ignore_items"] = table.List(ignore...)
	}
	records.PutText(item, "payment", string(im.Payment))
	records.PutFlag(item, "dry_run", im.DryRun)
	records.PutFlag(item, "keep_sample", im.KeepSample)
	return item
}

// countsOf returns the counts of an import as they are stored.
func countsOf(im model.Import) table.Item {
	return table.Item{
		"rows": table.Int(im.Rows), "skipped_rows": table.Int(im.SkippedRows), "created": table.Int(im.Created),
		"updated": table.Int(im.Updated), "unchanged": table.Int(im.Unchanged), "rejected": table.Int(im.Rejected),
	}
}

// endOf returns what is stored of how an import ended, without what was read.
func endOf(im model.Import) table.Item {
	problems := make([]table.Value, len(im.Problems))
	for i, p := range im.Problems {
		problems[i] = table.Map(table.Item{"line": table.Int(int64(p.Line)), "reason": table.String(p.Reason)})
	}
	item := countsOf(im)
	item["status"], item["finished_at"], item["problems"] = table.String(string(im.Status)), records.Time(im.FinishedAt), table.List(problems...)
	return item
}

// resultOf returns what is stored of an import when it is finished.
func resultOf(im model.Import) table.Item {
	item := endOf(im)
	records.PutText(item, attrResembles, im.Resembles)
	if im.Status == model.ImportDone {
		putSummary(item, im.Summary)
	}
	return item
}

// decode returns a stored import, or an error that records.IsUnreadable.
func decode(key table.Key, item table.Item) (model.Import, error) {
	r := records.NewReader(key, item)
	im := model.Import{
		ID: r.OwnID(records.PrefixImport),
		ImportDraft: model.ImportDraft{
			Kind: model.ImportKind(r.Text("kind")), Name: r.Text("name"), Source: r.Text("source"), DryRun: r.Flag("dry_run"),
			Ignore: r.Texts("ignore_items"), Payment: model.PaymentTerms(r.Optional("payment")), KeepSample: r.Flag("keep_sample"),
		},
		By: model.Role(r.Text("by")), Status: model.ImportStatus(r.Text("status")),
		CreatedAt: r.Time("created_at"), FinishedAt: r.OptionalTime("finished_at"),
	}
	if r.Has("rows") {
		im.Rows, im.SkippedRows = r.Number("rows"), r.Number("skipped_rows")
		im.Created, im.Updated = r.Number("created"), r.Number("updated")
		im.Unchanged, im.Rejected = r.Number("unchanged"), r.Number("rejected")
	}
	if r.Has("problems") {
		for p := range r.Maps("problems") {
			im.Problems = append(im.Problems, model.ImportProblem{Line: int(p.Number("line")), Reason: p.Text("reason")})
		}
	}
	im.Summary, im.Resembles = readSummary(&r), r.Optional(attrResembles)
	if r.Has(attrUndo) {
		undo, _ := readUndo(&r)
		im.Undo = &undo
	}
	return im, r.Err()
}
