-- What Quarto and experiments/render.py both do to every document.
local MANY, SENTENCE = 6, 40 -- columns; characters
local extension = FORMAT:match("^html") and ".html" or FORMAT == "typst" and ".pdf" or ".md"

-- A link to another document leads to the same format of it.
function Link(link)
  local path, anchor = link.target:match("^([^#:]+)%.qmd(#?.*)$")
  if not path then return nil end
  -- A PDF viewer opens the other document at its beginning.
  link.target = path .. extension .. (FORMAT == "typst" and "" or anchor)
  return link
end

-- Markdown has no small grey text.
function Span(span)
  local plain = extension == ".md" and span.classes:includes("source")
  return plain and span.content or nil
end

-- An interval stays on one line.
local function unbroken(inlines)
  for i = 2, #inlines do
    local before = inlines[i - 1]
    if inlines[i].t == "Space" and before.t == "Str" and before.text:match("^%[.*,$") then
      inlines[i] = pandoc.Str("\u{a0}")
    end
  end
  return inlines
end

-- So does a number of items: "(n = 24)". Markdown's lines are broken by whoever shows it.
function Inlines(inlines)
  if extension == ".md" then return nil end
  for i = 4, #inlines do
    local name, sign = inlines[i - 3], inlines[i - 1]
    local counted = name.t == "Str" and name.text:match("^%(?n$") and sign.t == "Str" and sign.text == "="
    if counted and inlines[i - 2].t == "Space" and inlines[i].t == "Space" then
      inlines[i - 2], inlines[i] = pandoc.Str("\u{a0}"), pandoc.Str("\u{a0}")
    end
  end
  return unbroken(inlines)
end

-- The writers make columns as wide as what stands in them. pandoc gives every column a share of the
-- line instead once a line of a table's source is long, which splits words and intervals.
-- Typst shares the line evenly among many columns, so that sentences beside words become tall: they
-- are given a third of it.
function Table(element)
  element.colspecs = element.colspecs:map(function(column) return { column[1] } end)
  local body = element.bodies[1]
  if extension == ".pdf" and #element.colspecs >= MANY and body and body.body[1] then
    local first = pandoc.utils.stringify(body.body[1].cells[1].contents)
    if utf8.len(first) > SENTENCE then
      element.colspecs[1] = { element.colspecs[1][1], 1 / 3 }
    end
  end
  return element:walk({ Inlines = unbroken })
end
