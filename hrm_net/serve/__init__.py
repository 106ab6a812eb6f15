"""`hrm-serve`: a page on this machine, on which a trained model fills in a puzzle segment by segment.

`command` starts it, `app` answers requests by the `limits`, behind the `guard`; `served` has the model, `judge` the
rules. page.html, page.css and the .js files are the page; they are served as they lie here.
"""
