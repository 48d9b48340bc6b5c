package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"cafe/internal/deadletters"
	"cafe/model"
)

type deadLetterJSON struct {
	ID       string `json:"id"`
	Kind     string `json:"kind"`
	Consumer string `json:"consumer,omitempty"`
	About    string `json:"about"`
	Reason   string `json:"reason"`
	Status   string `json:"status"`
	At       string `json:"at"`
}

func deadLetterAnswer(l deadletters.Letter) deadLetterJSON {
	return deadLetterJSON{l.ID, string(l.Kind), l.Consumer, l.About, l.Reason, statusWords[l.Status], model.Timestamp(l.At)}
}

// statusWords are the statuses of dead letters as clients see them.
var statusWords = map[deadletters.Status]string{deadletters.Dead: "dead", deadletters.Again: "sent_again", deadletters.Aside: "set_aside"}

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
		DeadLetters []deadLetterJSON `json:"dead_letters"`
		NextCursor  string           `json:"next_cursor,omitempty"`
	}{make([]deadLetterJSON, len(letters)), s.cursors.seal(l.binding, next)}
	for i, letter := range letters {
		a.DeadLetters[i] = deadLetterAnswer(letter)
	}
	return answerList(c, a)
}

// redriveDeadLetter answers 202: the letter is sent again in a moment.
func (s *server) redriveDeadLetter(c *gin.Context) error {
	id, err := pathID(c, "id")
	if err != nil {
		return err
	}
	letter, err := s.letters.Redrive(c.Request.Context(), id)
	if err != nil {
		return err
	}
	return answer(c, http.StatusAccepted, deadLetterAnswer(letter))
}

func (s *server) setDeadLetterAside(c *gin.Context) error {
	id, err := pathID(c, "id")
	if err != nil {
		return err
	}
	if err := s.letters.SetAside(c.Request.Context(), id); err != nil {
		return err
	}
	return noContent(c)
}
