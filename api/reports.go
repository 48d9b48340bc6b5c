package api

import (
	"net/http"

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
	as, err := form(c, formHTML, formText)
	if err != nil {
		return err
	}
	day, err := s.pathDay(c)
	if err != nil {
		return err
	}
	r, err := s.reports.Report(c.Request.Context(), day)
	if err != nil {
		return err
	}
	switch as {
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
