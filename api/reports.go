package api

import (
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"cafe/model"
)

// The media types of a report. The first is the default.
const (
	formJSON = "application/json"
	formHTML = "text/html"
	formText = "text/plain"
)

// getReport answers with the report of the day, in the media type that the caller prefers.
func (s *server) getReport(c *gin.Context) error {
	c.Writer.Header().Add("Vary", "Accept")
	form := preferred(c.Request.Header.Values("Accept"), formJSON, formHTML, formText)
	if form == "" {
		return problem("not-acceptable",
			"A report is available as application/json, text/html or text/plain.")
	}
	day, err := s.pathDay(c)
	if err != nil {
		return err
	}
	r, err := s.reports.Report(c.Request.Context(), day)
	if err != nil {
		return err
	}
	switch form {
	case formHTML:
		page, err := s.reports.Page(r.Report)
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

// buildReport answers with a new revision, which will be mailed to the owner.
func (s *server) buildReport(c *gin.Context) error {
	day, err := s.pathDay(c)
	if err != nil {
		return err
	}
	r, err := s.reports.Rebuild(c.Request.Context(), day)
	if err != nil {
		return err
	}
	c.Data(http.StatusOK, formJSON, r.JSON)
	return nil
}

// pathDay returns the day in the path: a date, or today.
func (s *server) pathDay(c *gin.Context) (model.Day, error) {
	if c.Param("day") == "today" {
		return s.reports.Today(), nil
	}
	day, err := model.ParseDay(c.Param("day"))
	if err != nil {
		return "", &model.NoReport{Reason: "There is no such date. Write a day as 2017-03-18."}
	}
	return day, nil
}

// preferred returns the media type that the Accept headers rank highest (RFC 9110, section
// 12.5.1). It returns the first of several with the same rank, and "" if they accept none.
// It ignores parameters other than q, and parts that are malformed. Without any valid part
// every type is accepted.
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
