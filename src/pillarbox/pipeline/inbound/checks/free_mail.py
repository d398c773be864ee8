"""Domains under which anybody gets an address: a fact that several checks need."""

_NAMES = """
126.com 163.com 21cn.com aol.com aol.de arcor.de bk.ru centrum.cz consultant.com cock.li
daum.net duck.com email.com email.cz email.de europe.com fastmail.com fastmail.fm foxmail.com
free.fr freenet.de gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net gmx.us googlemail.com
hanmail.net hotmail.co.uk hotmail.com hotmail.de hotmail.es hotmail.fr hotmail.it hushmail.com
icloud.com inbox.lv inbox.ru interia.pl laposte.net libero.it list.ru live.co.uk live.com
live.de live.fr live.nl mac.com mail.com mail.de mail.ru mailbox.org mailfence.com me.com
msn.com naver.com o2.pl onet.pl orange.fr outlook.com outlook.de outlook.es outlook.fr
outlook.it pm.me post.com posteo.de posteo.net proton.me protonmail.ch protonmail.com qq.com
rambler.ru rediffmail.com rocketmail.com seznam.cz sina.com sohu.com t-online.de terra.com.br
tuta.com tuta.io tutanota.com tutanota.de ukr.net uol.com.br usa.com virgilio.it wanadoo.fr
web.de wp.pl ya.ru yahoo.ca yahoo.co.in yahoo.co.jp yahoo.co.uk yahoo.com yahoo.com.br yahoo.de
yahoo.es yahoo.fr yahoo.it yandex.com yandex.ru yeah.net ymail.com zoho.com zohomail.com
"""
FREE_MAIL = frozenset(_NAMES.split())
