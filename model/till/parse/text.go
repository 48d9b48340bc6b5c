package parse

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// NFC returns the text in Unicode Normalization Form C. An é may be one code point or
// two; as ids and names they are the same.
func NFC(text string) string {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return norm.NFC.String(text)
		}
	}
	return text
}

var noSpaces = strings.NewReplacer(" ", "", "_", "", "\t", "", "\u00a0", "")

// FoldColumn makes alike the names of columns that differ only in case, spaces or _.
func FoldColumn(name string) string {
	return strings.ToLower(noSpaces.Replace(NFC(name)))
}

// FoldItem makes alike what names the same item.
func FoldItem(text string) string {
	text = strings.ToLower(NFC(text))
	if strings.Contains(text, "  ") || strings.ContainsAny(text, "\t\n\r\u00a0") {
		text = strings.Join(strings.Fields(text), " ")
	}
	return text
}

// FoldWord makes alike the words of a status or a tender: only letters and digits count.
func FoldWord(text string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '_' || r == '-' || r == '.' || r == '/' || r == '\u00a0' {
			return -1
		}
		return r
	}, strings.ToLower(NFC(text)))
}

// Excerpt quotes a cell, shortened to what fits in a sentence.
func Excerpt(cell string) string { return strconv.Quote(Shortened(cell, 40)) }

// Shortened cuts a text to so many characters.
func Shortened(text string, most int) string {
	if len(text) <= most || utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most]) + "…"
}

// Join joins by commas and "and".
func Join(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// WordSet makes a set of words that are separated by spaces.
func WordSet(words string) map[string]bool {
	set := make(map[string]bool)
	for word := range strings.FieldsSeq(words) {
		set[word] = true
	}
	return set
}
