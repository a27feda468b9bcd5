-- What Quarto and experiments/render.py both do to every document.
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
function Table(element)
  element.colspecs = element.colspecs:map(function(column) return { column[1] } end)
  return element:walk({ Inlines = unbroken })
end
