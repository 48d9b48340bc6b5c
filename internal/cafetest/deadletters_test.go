package cafetest_test

import (
	"errors"

	"cafe/internal/deadletters"
	"cafe/internal/records"
	"cafe/model"
)

// deadLetter is the letter of the use cases.
var deadLetter = deadletters.Letter{
	ID: "stream-ledger-1", Kind: deadletters.KindStream, Consumer: "ledger", About: "orders/a", Reason: "why", Content: "{}",
}

// isDead makes a world with the letter, which was sent again if again is true.
func isDead(again bool) func(w *world) {
	return func(w *world) {
		err := w.DeadLetters.Keep(ctx, deadLetter)
		if err == nil && again {
			_, err = w.DeadLetters.Redrive(ctx, deadLetter.ID)
		}
		if err != nil {
			w.Fatal(err)
		}
	}
}

// wantLetter wants the letter to have that status, and so many tries. No status: it is gone.
func wantLetter(status deadletters.Status, tries int64) func(w *world) {
	return func(w *world) {
		w.Helper()
		var all []deadletters.Letter
		for _, aside := range []bool{false, true} {
			letters, _, err := w.DeadLetters.List(ctx, aside, "", 10)
			if err != nil {
				w.Fatal(err)
			}
			all = append(all, letters...)
		}
		if status == "" && len(all) == 0 || len(all) == 1 && all[0].Status == status && all[0].Tries == tries {
			return
		}
		w.Errorf("letters %+v, want %q after %d tries", all, status, tries)
	}
}

func init() { useCases = append(useCases, letterCases...) }

var letterCases = []useCase{
	{name: "a consumer sets a record aside", methods: "Keep",
		do:    func(w *world) error { return w.DeadLetters.Keep(w.ctx, deadLetter) },
		after: wantLetter(deadletters.Dead, 0)},
	{name: "an upload fails for the last time", methods: "NoteFailure",
		do: func(w *world) error { return w.DeadLetters.NoteFailure(w.ctx, deadLetter, 1) },
		after: func(w *world) { // a failure may be counted twice
			if letters, _, err := w.DeadLetters.List(ctx, false, "", 10); err != nil || len(letters) != 1 {
				w.Errorf("letters %+v %v", letters, err)
			}
		}},
	{name: "the owner sends a dead letter again", methods: "Redrive", before: isDead(false),
		do: func(w *world) error {
			_, err := w.DeadLetters.Redrive(w.ctx, deadLetter.ID)
			return err
		},
		after: wantLetter(deadletters.Again, 0)},
	{name: "a letter that was sent again fails again", methods: "FailedAgain", before: isDead(true),
		do:    func(w *world) error { return w.DeadLetters.FailedAgain(w.ctx, deadLetter, "another") },
		after: wantLetter(deadletters.Dead, 1)},
	{name: "a letter that was sent again is done", methods: "Done", before: isDead(true),
		do:    func(w *world) error { return w.DeadLetters.Done(w.ctx, deadLetter.ID) },
		after: wantLetter("", 0)},
	{name: "an upload that failed is imported", methods: "Succeeded", before: isDead(false),
		do:    func(w *world) error { return w.DeadLetters.Succeeded(w.ctx, deadLetter.ID) },
		after: wantLetter("", 0)},
	{name: "the owner sets a dead letter aside", methods: "SetAside", before: isDead(false), through: model.ErrNotFound,
		do:    func(w *world) error { return w.DeadLetters.SetAside(w.ctx, deadLetter.ID) },
		after: wantLetter(deadletters.Aside, 0)},
	{name: "what was set aside is forgotten after a month", methods: "Forget",
		before: func(w *world) {
			isDead(false)(w)
			if err := w.DeadLetters.SetAside(ctx, deadLetter.ID); err != nil {
				w.Fatal(err)
			}
			w.Clock.Pass(deadletters.Life + 1)
		},
		do: func(w *world) error {
			_, err := w.DeadLetters.Forget(w.ctx)
			return err
		},
		after: wantLetter("", 0)},
	reads("List", "the owner lists dead letters", isDead(false), func(w *world) (interface{}, error) {
		letters, _, err := w.DeadLetters.List(w.ctx, false, "", 10)
		return letters, err
	}),
	reads("Waiting", "the importer looks for what is to be sent again", isDead(true), func(w *world) (interface{}, error) {
		return w.DeadLetters.Waiting(w.ctx, deadletters.KindStream)
	}),
	reads("Current", "a consumer reads what a letter is about", isDead(false), func(w *world) (interface{}, error) {
		item, err := w.DeadLetters.Current(w.ctx, records.DeadKey(deadLetter.ID))
		if err == nil && item.Str("about") != deadLetter.About {
			err = errors.New("another item")
		}
		return item, err
	}),
}
