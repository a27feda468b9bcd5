-- Quarto's cross-references and conditional content, for pandoc: labelled divs (a labelled cell is
-- one), labelled headings and @label. What fails goes to pandoc's log: place, tab, message.

local html, typst = FORMAT:match("^html") ~= nil, FORMAT == "typst"
local target = html and "html" or typst and "typst" or "gfm"
local NAMES = { fig = "Figure", tbl = "Table", sec = "Section" }
local numbers, counters = {}, { fig = 0, tbl = 0 }

local function fail(place, message) pandoc.log.warn(place .. "\t" .. message) end
local function raw(text) return pandoc.RawBlock(typst and "typst" or "html", text) end
local function kind_of(label) return label:match("^(%a+)%-") or "" end

local function register(label, number)
  if numbers[label] then fail(label, "the label " .. label .. " is used twice") end
  numbers[label] = number
end

local function conditional(element)
  local visible = element.classes:includes("content-visible")
  if not visible and not element.classes:includes("content-hidden") then return nil end
  local matches = element.attributes["when-format"] == target
  return matches == visible and element.content or {}
end

-- A code host's Markdown keeps no identifiers: what is referred to carries an anchor.
local function anchor(label) return pandoc.RawInline("html", '<a id="' .. label .. '"></a>') end

local function captioned(label, caption, content)
  local kind = kind_of(label)
  local above = kind == "tbl"
  if typst then -- as Quarto writes it; typst numbers and resolves
    local blocks = pandoc.Blocks({ raw("#figure([") }) .. content
    blocks:extend({ raw("], caption: figure.caption(position: " .. (above and "top" or "bottom") .. ", ["),
      pandoc.Plain(caption), raw(']), kind: "quarto-float-' .. kind .. '", supplement: "'
        .. NAMES[kind] .. '")\n<' .. label .. ">") })
    return blocks
  end
  local prefix = pandoc.Str(NAMES[kind] .. "\u{a0}" .. numbers[label] .. ":")
  local text = pandoc.Inlines({ html and prefix or pandoc.Strong(prefix), pandoc.Space() }) .. caption
  local start, finish
  if html then
    start = pandoc.Blocks({ raw('<figure id="' .. label .. '" class="quarto-float-' .. kind .. '">') })
    finish = { raw("</figure>") }
    text = { raw("<figcaption>"), pandoc.Plain(text), raw("</figcaption>") }
  else
    start, finish = pandoc.Blocks({ pandoc.Para(anchor(label)) }), {}
    text = { pandoc.Para(text) }
  end
  local first, second = content, text
  if above then first, second = text, content end
  start:extend(first)
  start:extend(second)
  start:extend(finish)
  return start
end

local function numbered(label)
  local kind = kind_of(label)
  counters[kind] = counters[kind] + 1
  register(label, tostring(counters[kind]))
end

local function float(div)
  local label, kind = div.identifier, kind_of(div.identifier)
  if kind ~= "fig" and kind ~= "tbl" then return nil end
  local content = pandoc.Blocks(div.content)
  local caption = content:remove()
  if not caption or caption.t ~= "Para" then
    fail(label, "the last paragraph of " .. label .. " must be its caption")
    return {}
  end
  numbered(label)
  local tables = 0
  content:walk({ Table = function() tables = tables + 1 end })
  if kind == "tbl" and tables ~= 1 then fail(label, label .. " must hold exactly one table") end
  return captioned(label, caption.content, content), false
end

-- A table with a caption line, `: Text. {#tbl-x}`.
local function labelled_table(element)
  local label = element.identifier
  if kind_of(label) ~= "tbl" then return nil end
  numbered(label)
  local caption = pandoc.utils.blocks_to_inlines(element.caption.long)
  element.identifier, element.caption = "", pandoc.Caption()
  return captioned(label, caption, pandoc.Blocks({ element })), false
end

local function image(element)
  if not typst then return nil end
  -- pandoc's typst writer drops the alternative text. A JSON string is a typst string.
  local alt = pandoc.json.encode(pandoc.utils.stringify(element.caption))
  return pandoc.RawInline("typst", "#box(image(" .. pandoc.json.encode(element.src) .. ", alt: "
    .. alt .. "))")
end

local function bare_table(element)
  if typst then element.classes = { "typst:no-figure" } end
  if not html then return element end
  -- A list of pairs keeps the order of the attributes; a Lua table does not.
  return pandoc.Div({ element }, pandoc.Attr("", { "table-scroll" },
    { { "role", "region" }, { "tabindex", "0" }, { "aria-label", "Table" } }))
end

local function section_numbering(base)
  local levels = {}
  return function(header)
    local label, depth = header.identifier, header.level - base + 1
    if typst then header.level = depth end
    if not PANDOC_WRITER_OPTIONS.number_sections or header.classes:includes("unnumbered") then
      return header
    end
    levels[depth] = (levels[depth] or 0) + 1
    for i = 1, depth - 1 do levels[i] = levels[i] or 0 end
    for i = depth + 1, #levels do levels[i] = nil end
    local number = table.concat(levels, ".")
    if kind_of(label) == "sec" then register(label, number) end
    if html then
      header.attributes.number = number
    elseif not typst then
      header.content = pandoc.Inlines({ pandoc.Str(number), pandoc.Space() }) .. header.content
      if kind_of(label) == "sec" then header.content:insert(1, anchor(label)) end
    end
    return header
  end
end

local function reference(cite)
  local label = cite.citations[1].id
  local name = NAMES[kind_of(label)]
  if not name then return nil end
  if #cite.citations > 1 or cite.citations[1].mode ~= "AuthorInText" then
    fail("@" .. label, "write the reference @" .. label .. " without brackets")
  elseif not numbers[label] then
    fail("@" .. label, "the reference @" .. label .. " does not resolve")
  elseif typst then
    return pandoc.RawInline("typst", "#ref(<" .. label .. ">, supplement: [" .. name .. "])")
  end
  local attributes = html and { class = "quarto-xref" } or {}
  return pandoc.Link(name .. "\u{a0}" .. (numbers[label] or "?"), "#" .. label, "", attributes)
end

local function check_div(div)
  local allowed = div.identifier == "refs" and #div.classes == 0
  if not allowed then
    fail(div.identifier ~= "" and div.identifier or div.classes[1] or ":::", "this ::: block "
      .. "is outside the supported subset of Quarto (see experiments/rendering/__init__.py)")
  end
end

function Pandoc(doc)
  local blocks = doc.blocks:walk({ Div = conditional, Span = conditional })
  local base = 6
  local cites, placed = false, false
  blocks:walk({
    Header = function(header) base = math.min(base, header.level) end,
    Div = function(div) placed = placed or div.identifier == "refs" end,
    Cite = function(cite) cites = cites or not NAMES[kind_of(cite.citations[1].id)] end,
  })
  if cites and not placed then
    fail("@", "a document that cites needs the heading References and below it ::: {#refs}")
  end
  blocks = blocks:walk({ traverse = "topdown", Header = section_numbering(base), Div = float,
    Table = labelled_table })
  blocks:walk({ Div = check_div })
  doc.blocks = blocks:walk({ Cite = reference, Image = image, Table = bare_table })
  return doc
end
