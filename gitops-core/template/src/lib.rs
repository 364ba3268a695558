//! Go's text/template with the functions of sprig and Helm.
