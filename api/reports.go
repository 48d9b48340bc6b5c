package api

import (
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"cafe/internal/cafe"
	"cafe/model"
)

// The forms in which a report comes, the standard one first.
const (
	formJSON = "application/json"
	formHTML = "text/html"
	formText = "text/plain"
)

// getReport answers the day's report in the form that the caller likes best.
func (s *server) getReport(c *gin.Context) error {
	c.Writer.Header().Add("Vary", "Accept")
	form := preferred(c.Request.Header.Values("Accept"), formJSON, formHTML, formText)
	if form == "" {
		return problem(http.StatusNotAcceptable, "not-acceptable", "Not acceptable",
			"A report comes as application/json, text/html or text/plain.")
	}
	day, err := pathDay(c)
	if err != nil {
		return err
	}
	r, err := s.cafe.Report(c.Request.Context(), day)
	if err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store") // the takings are nobody else's business
	switch form {
	case formHTML:
		page, err := s.cafe.Page(r.Report)
		if err != nil {
			return err
		}
		c.Header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		c.Data(http.StatusOK, formHTML+"; charset=utf-8", page)
	case formText:
		c.Data(http.StatusOK, formText+"; charset=utf-8", []byte(r.Text))
	default:
		c.Data(http.StatusOK, formJSON, r.JSON)
	}
	return nil
}

// buildReport answers the new revision, which is on its way to the owner then.
func (s *server) buildReport(c *gin.Context) error {
	day, err := pathDay(c)
	if err != nil {
		return err
	}
	r, err := s.cafe.Rebuild(c.Request.Context(), day)
	if err != nil {
		return err
	}
	c.Header("Cache-Control", "no-store")
	c.Data(http.StatusOK, formJSON, r.JSON)
	return nil
}

func pathDay(c *gin.Context) (model.Day, error) {
	day, err := model.ParseDay(c.Param("day"))
	if err != nil {
		return "", &cafe.NoReport{Reason: "A report is of a day, written as 2017-03-18; there is no such date."}
	}
	return day, nil
}

// preferred returns which of the media types the Accept headers rank highest, the first
// of several that they rank alike, and "" when they admit none (RFC 9110, section
// 12.5.1). Parameters other than q make no difference. What is not well-formed is passed
// over, and headers that say nothing admit everything.
func preferred(headers []string, offers ...string) (best string) {
	type rank struct {
		specific int // 1 for */*, 2 for text/*, 3 for text/html
		q        float64
	}
	ranks, said := make([]rank, len(offers)), false
	for part := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		kind, parameters, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		q := 1.0
		if text, has := parameters["q"]; has {
			if q, err = strconv.ParseFloat(text, 64); err != nil || !(q >= 0 && q <= 1) {
				continue
			}
		}
		said = true
		for i, offer := range offers {
			family, _, _ := strings.Cut(offer, "/")
			specific := 0
			switch kind {
			case offer:
				specific = 3
			case family + "/*":
				specific = 2
			case "*/*":
				specific = 1
			default:
				continue
			}
			if specific > ranks[i].specific || specific == ranks[i].specific && q > ranks[i].q {
				ranks[i] = rank{specific, q}
			}
		}
	}
	if !said {
		return offers[0]
	}
	most := 0.0
	for i, r := range ranks {
		if r.q > most {
			best, most = offers[i], r.q
		}
	}
	return best
}
