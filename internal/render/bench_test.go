package render

import "testing"

// BenchmarkRender shows a Saturday's report.
func BenchmarkRender(b *testing.B) {
	r := load(b, "saturday")
	b.Run("html", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := HTML(r, crumb); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("text", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Text(r, crumb)
		}
	})
	b.Run("json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := JSON(r); err != nil {
				b.Fatal(err)
			}
		}
	})
}
