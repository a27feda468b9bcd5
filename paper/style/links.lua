-- Quarto turns links between documents into links between their pages. In a PDF or in Markdown they
-- would go on naming the source; here they lead to the same format of the other document.
local extension = FORMAT == "typst" and ".pdf" or ".md"

function Link(link)
  local path, anchor = link.target:match("^([^#:]+)%.qmd(#?.*)$")
  if not path then return nil end
  -- A PDF viewer opens the other document at its beginning.
  link.target = path .. extension .. (FORMAT == "typst" and "" or anchor)
  return link
end
