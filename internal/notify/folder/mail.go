package folder

import (
	"bytes"
	"fmt"
	netmail "net/mail"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"cafe/internal/durable"
	"cafe/internal/outbox"
)

// domain is the sender's in the mails of a local café. Nobody can own it (RFC 2606).
const domain = "cafe.invalid"

// mail writes the mail of a message to an address. The file's name begins with the time, so
// that files are listed in order. It ends with a digest of the message's id and the address,
// by which a repeated mail replaces the first.
func (n *Notifier) mail(m outbox.Message, address string, at time.Time) error {
	content, err := n.compose(m, address, at)
	if err != nil {
		return fmt.Errorf("compose mail: %w", err)
	}
	id := digest(m.ID, strings.ToLower(address))
	name, again := n.mails[id]
	if !again {
		name = fmt.Sprintf("%s-%s-%s%s", at.Format(mailTime), m.Topic, id, extension)
	}
	if err := durable.Write(filepath.Join(n.dir, mailFolder, name), bytes.NewReader(content)); err != nil {
		return fmt.Errorf("write mail: %w", err)
	}
	n.mails[id] = name
	return nil
}

const extension = ".eml"

// mailTime is the format of the time at the beginning of a file's name.
const mailTime = "20060102T150405.000000Z"

func (n *Notifier) compose(m outbox.Message, address string, at time.Time) ([]byte, error) {
	text := m.Mail
	if text == "" {
		text = m.Body
	}
	text = strings.NewReplacer("\r\n", "\r\n", "\n", "\r\n", "\r", "\r\n").Replace(text)
	// Plain text reads best, but lines of a mail have a limit (RFC 5322, 2.1.1).
	encoding := mail.NoEncoding
	for line := range strings.Lines(text) {
		if len(line) > 1000 {
			encoding = mail.EncodingQP
		}
	}
	message := mail.NewMsg(mail.WithCharset(mail.CharsetUTF8), mail.WithEncoding(encoding), mail.WithNoDefaultUserAgent())
	message.FromMailAddress(&netmail.Address{Name: n.options.From, Address: "no-reply@" + domain})
	message.ToMailAddress(&netmail.Address{Address: address})
	message.Subject(m.Subject)
	message.SetDateWithValue(at)
	message.SetMessageIDWithValue(url.QueryEscape(m.ID) + "@" + domain)
	message.SetBodyString(mail.TypeTextPlain, text)
	var b bytes.Buffer
	if _, err := message.WriteTo(&b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// listMails returns the names of the mails in a folder, by the digest at their end.
func listMails(dir string) (map[string]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	mails := map[string]string{}
	for _, entry := range entries {
		if name, ok := strings.CutSuffix(entry.Name(), extension); ok {
			mails[name[strings.LastIndexByte(name, '-')+1:]] = entry.Name()
		}
	}
	return mails, nil
}
