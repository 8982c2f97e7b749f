"""Sources of text besides content files, behind one port: a feed, and a model of Amazon Bedrock."""
