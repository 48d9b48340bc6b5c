package api

import (
	"net/http"

	"cafe/api/hookjson"
	"cafe/api/rest"

	"github.com/gin-gonic/gin"
)

// listDeadLetters answers with what failed for good, the oldest first.
func (s *server) listDeadLetters(c *gin.Context) error {
	aside, err := boolParameter(c, "set_aside")
	if err != nil {
		return err
	}
	l, err := s.list(c)
	if err != nil {
		return err
	}
	letters, next, err := s.letters.List(c.Request.Context(), aside, l.from, l.limit)
	if err != nil {
		return err
	}
	a := struct {
		DeadLetters []hookjson.Letter `json:"dead_letters"`
		NextCursor  string            `json:"next_cursor,omitempty"`
	}{make([]hookjson.Letter, len(letters)), s.cursors.Seal(l.binding, next)}
	for i, letter := range letters {
		a.DeadLetters[i] = hookjson.LetterOf(letter)
	}
	return rest.AnswerList(c, a)
}

// redriveDeadLetter answers 202: the letter is sent again in a moment.
func (s *server) redriveDeadLetter(c *gin.Context, id string) error {
	letter, err := s.letters.Redrive(c.Request.Context(), id)
	if err != nil {
		return err
	}
	return rest.Answer(c, http.StatusAccepted, hookjson.LetterOf(letter))
}

func (s *server) setDeadLetterAside(c *gin.Context, id string) error {
	if err := s.letters.SetAside(c.Request.Context(), id); err != nil {
		return err
	}
	return rest.NoContent(c)
}
