"""Names that junk mail borrows most; facts for comparing domains and display names."""

_LABELS = """
adobe airbnb aliexpress allianz alibaba amazon americanexpress apple bankofamerica barclays binance
bitpay blockchain booking bradesco capitalone chase citibank coinbase commerzbank comdirect
correios creditagricole deutschebank deutschepost discord docusign dropbox ebay facebook fedex
github gitlab google hermes hsbc icloud instagram intesasanpaolo kraken labanqueposte ledger
linkedin lloydsbank mastercard metamask microsoft microsoftonline netflix norton office365
outlook paypal postbank rakuten royalmail santander shopify sparkasse spotify steampowered stripe
swisspost telegram tiktok trustwallet twitter unicredit volksbank walmart wellsfargo westernunion
whatsapp wordpress zoom
"""
_NAMES = """
adobe airbnb aliexpress amazon binance blockchain coinbase commerzbank dhl docusign dropbox ebay
facebook fedex icloud instagram linkedin mastercard metamask microsoft netflix office365 paypal
postbank sharepoint sparkasse spotify tiktok ups usps volksbank wellsfargo whatsapp
"""
LABELS = frozenset(_LABELS.split())
"""First labels of the domains of brands, under whatever suffix."""
NAMES = frozenset(_NAMES.split())
"""Brands whose name in a display name is hardly anybody else's."""
HYPHENATED = frozenset(("allianz", "hermes", "sparkasse", "volksbank"))
"""Brands with real domains whose label is theirs with a hyphen and a place behind it."""
