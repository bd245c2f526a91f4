package importer

import (
	"bytes"
	"io"
	"time"

	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/tail"
)

// pipe follows standard input. It cannot be read twice, so its position is not stored.
type pipe struct {
	pieces  chan []byte // whole lines
	err     error       // the error of reading, once pieces is closed
	pending []byte      // lines that were not imported yet
	taken   []byte      // lines that were imported and are not stored yet
	mark    tail.Mark
	ended   bool
}

// maxPiece is about how many bytes are imported at once.
const maxPiece = 1 << 20

func newPipe(r io.Reader) *pipe {
	p := &pipe{pieces: make(chan []byte, 4)}
	if r == nil {
		r = bytes.NewReader(nil)
	}
	go p.read(r)
	return p
}

// read sends the lines of r.
func (p *pipe) read(r io.Reader) {
	defer close(p.pieces)
	var text []byte
	for buffer := make([]byte, 64<<10); ; {
		n, err := r.Read(buffer)
		end := bytes.LastIndexByte(buffer[:n], '\n') + 1
		if end > 0 {
			end += len(text) // which has no line end
		}
		text = append(text, buffer[:n]...)
		if err != nil || len(text)-end > format.MaxLine {
			end = len(text)
		}
		if end > 0 {
			p.pieces <- text[:end]
			text = bytes.Clone(text[end:])
		}
		if err != nil {
			if err != io.EOF {
				p.err = err
			}
			return
		}
	}
}

// poll imports the lines that have arrived.
func (p *pipe) poll(give tail.Give) error {
	for !p.ended {
		select {
		case piece, more := <-p.pieces:
			p.pending = append(p.pending, piece...)
			p.ended = !more
		default:
			return p.give(give)
		}
		if len(p.pending) >= maxPiece || p.ended {
			if err := p.give(give); err != nil {
				return err
			}
		}
	}
	return p.err
}

func (p *pipe) give(give tail.Give) error {
	if len(p.pending) == 0 {
		return nil
	}
	taken, err := give(tail.Chunk{Name: Stdin, Data: p.pending, Whole: p.ended, Written: time.Now(), Mark: &p.mark})
	if !taken {
		return err
	}
	p.mark.Offset += int64(len(p.pending))
	p.mark.Lines += bytes.Count(p.pending, []byte("\n"))
	p.taken = append(p.taken, p.pending...)
	p.pending = nil
	return err
}

// back has the lines that are not stored yet imported again.
func (p *pipe) back() {
	p.mark.Offset -= int64(len(p.taken))
	p.mark.Lines -= bytes.Count(p.taken, []byte("\n"))
	p.pending, p.taken = append(p.taken, p.pending...), nil
}
