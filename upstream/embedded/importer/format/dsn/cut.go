package dsn

import "strings"

// cutNotice splits the text of a bounce message into the text for people, the fields of a
// delivery report, and the returned message. Each may be empty.
func cutNotice(text string) (notice, report, original string) {
	lines := strings.SplitAfter(text, "\n")
	end := len(lines)
	for i := 0; i < end; i++ {
		line := strings.TrimRight(lines[i], " \t\r\n")
		switch {
		case line == "":
		case report == "" && reportBegins(lines, i):
			n := reportEnds(lines, i)
			report = dedent(lines[i:n])
			notice += "\n" + strings.Join(lines[:i], "")
			lines, i, end = lines[n:], -1, len(lines)-n
		case headerBegins(lines, i):
			original = strings.Join(lines[i:], "")
			end = i
		case len(line) < 120 && cuts.MatchString(line) && i > 0 && headerFollows(lines, i+1):
			original = strings.Join(lines[i+1:], "")
			end = i
		}
	}
	return notice + strings.Join(lines[:end], ""), report, original
}

// reportBegins reports whether the fields of a delivery report, which may be indented, begin
// at line i.
func reportBegins(lines []string, i int) bool {
	n := 0
	for last := min(len(lines), i+60); i < last && n < 2; i++ {
		line := strings.TrimSpace(lines[i])
		if line == "" {
			break
		}
		name, _, ok := cutField(line)
		switch {
		case ok && strings.EqualFold(name, "Final-Recipient"):
			return true
		case ok && reportFields[strings.ToLower(name)]:
			n++
		case !isFolded(lines[i]):
			return false
		}
	}
	return n >= 2
}

// dedent joins lines and removes the indentation of the first from each.
func dedent(lines []string) string {
	indent := lines[0][:len(lines[0])-len(strings.TrimLeft(lines[0], " \t"))]
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(strings.TrimPrefix(line, indent))
	}
	return b.String()
}

// reportEnds returns the line after the delivery report that begins at line i.
func reportEnds(lines []string, i int) int {
	end := i + 1
	for i++; i < len(lines); i++ {
		line := strings.TrimSpace(lines[i])
		if line == "" {
			continue
		}
		name, _, ok := cutField(line)
		name = strings.ToLower(name)
		if !isFolded(lines[i]) && !(ok && (reportFields[name] || strings.HasPrefix(name, "x-"))) {
			break
		}
		end = i + 1
	}
	return end
}

// headerBegins reports whether the header of the returned message begins at line i.
func headerBegins(lines []string, i int) bool {
	name, _, ok := cutField(strings.TrimRight(lines[i], "\r\n"))
	name = strings.ToLower(name)
	if !ok || headerNames[name] == 0 && !strings.HasPrefix(name, "x-") && !strings.HasPrefix(name, "content-") {
		return false
	}
	weight, heavy := 0, false
	for last := min(len(lines), i+60); i < last && weight < 4; i++ {
		line := strings.TrimRight(lines[i], " \t\r\n")
		if line == "" {
			break
		}
		if isFolded(line) {
			continue
		}
		name, _, ok := cutField(line)
		if !ok {
			break
		}
		w := headerNames[strings.ToLower(name)]
		weight += w
		heavy = heavy || w == 2
	}
	return weight >= 4 && heavy
}

// headerFollows reports whether a header, or the end, follows at line i, after any empty
// lines and rulers.
func headerFollows(lines []string, i int) bool {
	for ; i < len(lines); i++ {
		line := strings.TrimSpace(lines[i])
		if strings.Trim(line, "-=*_ ") == "" {
			continue
		}
		_, _, ok := cutField(strings.TrimRight(strings.TrimLeft(lines[i], " \t>"), "\r\n"))
		return ok || strings.HasPrefix(line, "From ") || strings.Trim(line, "-=*_ ENDend") == ""
	}
	return true
}
