package till

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// nfc returns the text in Unicode Normalization Form C. An é may be one code point or
// two; as ids and names they are the same.
func nfc(text string) string {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return norm.NFC.String(text)
		}
	}
	return text
}

var noSpaces = strings.NewReplacer(" ", "", "_", "", "\t", "", "\u00a0", "")

// fold makes alike the names of columns that differ only in case, spaces or _.
func fold(name string) string {
	return strings.ToLower(noSpaces.Replace(nfc(name)))
}

// foldItem makes alike what names the same item.
func foldItem(text string) string {
	text = strings.ToLower(nfc(text))
	if strings.Contains(text, "  ") || strings.ContainsAny(text, "\t\n\r\u00a0") {
		text = strings.Join(strings.Fields(text), " ")
	}
	return text
}

// foldWord makes alike the words of a status or a tender: only letters and digits count.
func foldWord(text string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '_' || r == '-' || r == '.' || r == '/' || r == '\u00a0' {
			return -1
		}
		return r
	}, strings.ToLower(nfc(text)))
}

// excerpt quotes a cell, shortened to what fits in a sentence.
func excerpt(cell string) string { return strconv.Quote(shortened(cell, 40)) }

// shortened cuts a text to so many characters.
func shortened(text string, most int) string {
	if len(text) <= most || utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most]) + "…"
}

// list joins by commas and "and".
func list(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}
